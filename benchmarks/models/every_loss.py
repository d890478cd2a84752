"""Times the bounds for every loss of all boundaries against a forward and a backward pass.

The target is 8 × at 10 logits: ResNet-50, batch 8, 64 px. The passes are for activations: no
weight's gradient is computed. The bounds are those of every block, for shift-invariant losses and
hard labels. Other ratios are of the signals alone, with all passes together and in a loop, and of
the bounds in a thin network (residual-20, batch 64, 8 px), where the algebra of 9 × 9 matrices
shows. Float32, eval mode, medians over alternating rounds.
"""

from collections.abc import Callable

import torch
from shared import DEVICE, ratio, report, rounds
from torch import Tensor
from torch.nn import functional

from numeric import Network, loss_bounds, reachable
from validate.networks.build import build

RUNS = 7


def passes(network: Network, x: Tensor) -> Callable[[], None]:
    y = torch.randint(10, (len(x),), device=DEVICE)

    def passed() -> None:
        values = [network.stem(x).requires_grad_()]
        for _, segment in network.chain():
            values.append(segment(values[-1]))
        loss = functional.cross_entropy(network.head(values[-1]), y, reduction="sum")
        torch.autograd.grad(loss, values)

    return passed


def all_bounds(network: Network, x: Tensor) -> Callable[[], None]:
    def bounded() -> None:
        found = reachable(network, x)
        for index in range(len(network.segments)):
            loss_bounds(found, index, index + 1, "shift_invariant")
            loss_bounds(found, index, index + 1, "labels")

    return bounded


def main() -> None:
    network = build("resnet50", image_size=64).eval().to(DEVICE).requires_grad_(False)
    thin = build("residual-20").eval().to(DEVICE).requires_grad_(False)
    x, small = torch.randn(8, 3, 64, 64, device=DEVICE), torch.randn(64, 1, 8, 8, device=DEVICE)
    taken = rounds(
        {
            "pass": passes(network, x),
            "bounds": all_bounds(network, x),
            "signals": lambda: reachable(network, x),
            "loop": lambda: reachable(network, x, at_once=1),
            "thin pass": passes(thin, small),
            "thin bounds": all_bounds(thin, small),
        },
        RUNS,
    )
    report(
        "every_loss",
        ratio=ratio(taken["bounds"], taken["pass"]),
        target=8,
        ratio_of_signals=ratio(taken["signals"], taken["pass"]),
        ratio_of_signals_in_a_loop=ratio(taken["loop"], taken["pass"]),
        ratio_in_a_thin_network=ratio(taken["thin bounds"], taken["thin pass"]),
        boundaries=len(network.segments) + 1,
        logits=10,
        runs=RUNS,
    )


if __name__ == "__main__":
    main()
