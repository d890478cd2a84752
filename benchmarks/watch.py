"""Times a training step that is watched, every step, against the same step without.

The target is 1.05 ×. Prints one JSON line: the ratio for ResNet-18 (batch 32, 32 px) and, where
torchvision is installed, for its ResNet-50 (batch 8, 64 px); SGD with momentum, float32, medians
over alternating rounds. The one capture, before the first step, is timed apart, in steps; reading
the rows is part of the watched steps' time. `ratio_same` compares a step with itself: what the
machine's own load makes of 1.
"""

import importlib.util
import os
import warnings
from collections.abc import Callable

import torch
from shared import DEVICE, milliseconds, ratio, report, seconds
from torch import nn
from torch.nn import functional

from validate.networks.build import build
from validate.watching.watch import Watch, watch

RUNS, STEPS = 7, 10


def trained(network: nn.Module, batch: int, size: int, classes: int) -> Callable[[], None]:
    """One round: STEPS training steps of the network."""
    network.to(DEVICE).train()
    x = torch.randn(batch, 3, size, size, device=DEVICE)
    y = torch.randint(classes, (batch,), device=DEVICE)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9)

    def run() -> None:
        for _ in range(STEPS):
            optimizer.zero_grad()
            functional.cross_entropy(network(x), y).backward()
            optimizer.step()

    return run


def compared(network: nn.Module, batch: int, size: int, classes: int) -> dict[str, float]:
    run = trained(network, batch, size, classes)
    seconds(run)
    with watch(network) as watched:
        first = seconds(run)  # the step that captures is among these
        assert watched.rows, watched.remarks
    taken: dict[str, list[float]] = {"plain": [], "watched": [], "again": []}
    for _ in range(RUNS):
        taken["plain"].append(seconds(run))
        with watch(network, every=2 * STEPS) as watching:
            run_under(watching, run, taken["watched"])
        taken["again"].append(seconds(run))
    step = milliseconds(taken["plain"]) / STEPS
    return {
        "ratio": ratio(taken["watched"], taken["plain"]),
        "ratio_same": ratio(taken["again"], taken["plain"]),
        "step_ms": round(step, 2),
        "capture_steps": round(1e3 * first / step - STEPS, 1),
        "blocks": len({row.block for row in watched.rows}),
    }


def run_under(watching: Watch, run: Callable[[], None], taken: list[float]) -> None:
    """Appends the seconds of a watched round, its rows read, after one that captured."""
    run()
    watching.every = 1

    def read() -> None:
        run()
        assert watching.rows

    taken.append(seconds(read))


def torchvision_resnet50() -> nn.Module | None:
    if importlib.util.find_spec("torchvision") is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torchvision
    network: nn.Module = torchvision.models.resnet50()
    return network


def main() -> None:
    torch.manual_seed(0)
    found = compared(build("resnet18", image_size=32), 32, 32, 10)
    large = torchvision_resnet50()
    beside = compared(large, 8, 64, 1000) if large is not None else {}
    report(
        "watch",
        **found,
        **{f"resnet50_{name}": value for name, value in beside.items()},
        target=1.05,
        runs=RUNS,
        load=round(os.getloadavg()[0], 2),
    )


if __name__ == "__main__":
    main()
