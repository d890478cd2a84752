"""Times a training step that is watched, every step, against the same step without.

The target is 1.05 ×. Prints one JSON line: the ratio for ResNet-18 (batch 32, 32 px) and, where
torchvision is installed, for its ResNet-50 (batch 8, 64 px) and ViT-B/32 (batch 4, 224 px); SGD
with momentum, float32, medians over alternating rounds with their quartiles. The one capture,
before the first step, is timed apart, in steps; reading the rows is part of the watched steps'
time. `ratio_same` compares a step with itself: what the machine's own load makes of 1.
"""

import os
from collections.abc import Callable

import torch
from shared import DEVICE, milliseconds, own_clock, ratio, report, seconds, spread
from torch import nn
from torch.nn import functional

from validate.networks.build import build
from validate.targets.zoo_models import has_torchvision, torchvision_model
from validate.watching.watch import Watch, watch

RUNS = 9
CLOCK = own_clock()
Run = Callable[[int], None]


def trained(network: nn.Module, batch: int, size: int, classes: int) -> Run:
    """Training steps of the network, as many as asked for."""
    network.to(DEVICE).train()
    x = torch.randn(batch, 3, size, size, device=DEVICE)
    y = torch.randint(classes, (batch,), device=DEVICE)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9)

    def run(steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            functional.cross_entropy(network(x), y).backward()
            optimizer.step()

    return run


def compared(
    network: nn.Module, batch: int, size: int, classes: int, steps: int
) -> dict[str, object]:
    run = trained(network, batch, size, classes)
    run(2)
    taken: dict[str, list[float]] = {"plain": [], "watched": [], "again": [], "first": []}
    for index in range(RUNS):
        # In turn, for what follows another kind of step finds other caches.
        for name in ("plain", "watched", "again") if index % 2 else ("again", "watched", "plain"):
            if name != "watched":
                taken[name].append(seconds(lambda: run(steps), CLOCK))
                continue
            with watch(network) as watching:
                taken["first"].append(seconds(lambda: run(1), CLOCK))  # which captures
                taken[name].append(seconds(lambda: read(watching, run, steps), CLOCK))
    step = milliseconds(taken["plain"]) / steps
    return {
        "ratio": ratio(taken["watched"], taken["plain"]),
        "quartiles": spread(taken["watched"], taken["plain"]),
        "ratio_same": ratio(taken["again"], taken["plain"]),
        "quartiles_same": spread(taken["again"], taken["plain"]),
        "step_ms": round(step, 2),
        "capture_steps": round(milliseconds(taken["first"]) / step - 1, 1),
        "blocks": len({row.block for row in watching.rows}),
    }


def read(watching: Watch, run: Run, steps: int) -> None:
    """Watched steps, and their rows."""
    run(steps)
    assert watching.rows, watching.remarks


def main() -> None:
    torch.manual_seed(0)
    found = {"": compared(build("resnet18", image_size=32), 32, 32, 10, 4)}
    for name, batch, size in (("resnet50", 8, 64), ("vit_b_32", 4, 224)):
        if has_torchvision(name):
            found[f"{name}_"] = compared(torchvision_model(name, None)[0], batch, size, 1000, 2)
    report(
        "watch",
        **{before + name: value for before, each in found.items() for name, value in each.items()},
        target=1.05,
        runs=RUNS,
        load=round(os.getloadavg()[0], 2),
    )


if __name__ == "__main__":
    main()
