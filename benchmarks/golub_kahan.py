"""Times σ_max by 20 Golub–Kahan steps against the same number of bare products Jv and Jᵀu.

The target is 1.3 ×. Prints one JSON line: the ratio in float32, and in float64, medians over
alternating rounds. A bare product is the call of autograd alone, without a check of what goes in;
the linearization is outside both. The block is a bottleneck of 256×8×8, batch 8.
"""

import torch
from shared import bottleneck, linearized, milliseconds, own_clock, ratio, report, rounds

from numeric import JacobianOperator, sigma_max

STEPS, RUNS = 20, 15


def bare(operator: JacobianOperator, v: torch.Tensor) -> None:
    for _ in range(STEPS):
        operator._pull(operator._push(v))


def measured(dtype: torch.dtype) -> dict[str, float]:
    block, x = bottleneck(dtype=dtype)
    operator = linearized(block, x)
    taken = rounds(
        {
            "sigma_max": lambda: sigma_max(operator, steps=STEPS),
            "products": lambda: bare(operator, x),
        },
        RUNS,
        own_clock(),
    )
    return {
        "ratio": ratio(taken["sigma_max"], taken["products"]),
        **{f"{name}_ms": milliseconds(each) for name, each in taken.items()},
    }


def main() -> None:
    single, double = measured(torch.float32), measured(torch.float64)
    report(
        "golub_kahan",
        **single,
        **{f"{name}_float64": value for name, value in double.items()},
        steps=STEPS,
        runs=RUNS,
    )


if __name__ == "__main__":
    main()
