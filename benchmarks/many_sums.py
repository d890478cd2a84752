"""Times a chain of N residual sums, x + F(x), by its length: evaluated, and certified.

The exponent is the slope of log time over log N from 25 to 200 sums; 1 is linear. `first` derives
what there is to say of the chain, which is kept; `evaluate` is what another batch costs, for which
linear is the target. Leaves are small, so algebra and calls show, not products.
"""

import statistics
from collections.abc import Callable

import numpy as np
import torch
from shared import report, seconds
from torch import nn

from derivations.algebra.terms import Add, Chain, Identity, Layer
from numeric import certify, evaluate
from numeric.evaluation.derived_block import derived_block

LENGTHS = (25, 50, 100, 200)
RUNS = 7


def calls(count: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Of a chain of so many sums: evaluate, certify."""
    torch.manual_seed(0)
    leaves = {f"F_{k}": nn.Linear(8, 8, dtype=torch.float64) for k in range(count)}
    for layer in leaves.values():
        layer.weight.data *= 0.05  # else enclosures grow with depth
    term = Chain(*(Add(Layer(name), Identity()) for name in leaves))
    x, g = torch.randn(2, 4, 8, dtype=torch.float64)
    return (
        lambda: evaluate(term, leaves, x, g, spectra=False),
        lambda: certify(term, leaves, x, g),
    )


def main() -> None:
    taken: dict[str, dict[int, list[float]]] = {"first": {}, "evaluate": {}, "certify": {}}
    for _ in range(RUNS):
        for count in LENGTHS:
            evaluated, certified = calls(count)
            derived_block.cache_clear()
            for name, call in (
                ("first", evaluated),
                ("evaluate", evaluated),
                ("certify", certified),
            ):
                taken[name].setdefault(count, []).append(seconds(call))
    medians = {
        name: [statistics.median(by_length[count]) for count in LENGTHS]
        for name, by_length in taken.items()
    }
    report(
        "many_sums",
        target=1,
        **{
            f"exponent_{name}": round(float(np.polyfit(np.log(LENGTHS), np.log(each), 1)[0]), 2)
            for name, each in medians.items()
        },
        lengths=LENGTHS,
        **{
            f"seconds_{name}": [round(value, 3) for value in each] for name, each in medians.items()
        },
        runs=RUNS,
    )


if __name__ == "__main__":
    main()
