"""Times the gains of every block of ResNet-50 (batch 8, 64 px) against plain passes of it.

The target is 1.05 ×. Prints one JSON line: the ratio to a forward and backward pass that gives
∂L/∂h₀, h₀ the value of the stem, and nothing else (what the gains need at the very least), and the
one to a training pass, which computes the weights' gradients too. Eval mode, float32, medians over
alternating rounds.
"""

import torch
from shared import DEVICE, ratio, report, rounds
from torch.nn import functional

from validate.measure.network_gains import gains
from validate.networks.build import build

RUNS = 11


def main() -> None:
    network = build("resnet50", image_size=64).eval().to(DEVICE)
    x, y = torch.randn(8, 3, 64, 64, device=DEVICE), torch.randint(10, (8,), device=DEVICE)

    def bare() -> None:
        with torch.no_grad():
            stem = network.stem(x)
        h = stem.requires_grad_()
        for _, segment in network.chain():
            h = segment(h)
        torch.autograd.grad(functional.cross_entropy(network.head(h), y, reduction="sum"), stem)

    def training() -> None:
        network.zero_grad()
        functional.cross_entropy(network(x), y, reduction="sum").backward()

    taken = rounds(
        {"gains": lambda: gains(network, x, y), "bare": bare, "training": training}, RUNS
    )
    report(
        "gains",
        ratio=ratio(taken["gains"], taken["bare"]),
        ratio_to_training_pass=ratio(taken["gains"], taken["training"]),
        target=1.05,
        blocks=sum(1 for _ in network.chain()),
        runs=RUNS,
    )


if __name__ == "__main__":
    main()
