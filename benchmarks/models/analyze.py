"""Times the analysis of ResNet-50 against capturing it and passing through it, and derivations.

The target is 1.5 ×: analyze without spectra against capture + forward + backward, each timed alone;
float32, eval mode, batch 8, 64 px, medians over alternating rounds, derivations remembered from the
first round on, as in any session. A second target is 1.5 × for capture and derivation of ResNet-152
to its capture alone: in processes of their own, where nothing was derived before.
"""

import json
import subprocess
import sys

import torch
from shared import DEVICE, milliseconds, own_clock, report, rounds, seconds
from torch import Tensor, nn

from derivations.book.proved_term import prove
from numeric import CapturedModel, capture, untouched
from validate.analysis.analyze import analyze
from validate.networks.build import build

RUNS, PROCESSES = 7, 3


def drawn(name: str) -> tuple[nn.Module, Tensor]:
    model = build(name, image_size=64).eval().to(DEVICE)
    return model, torch.randn(8, 3, 64, 64, device=DEVICE)


def captured(model: nn.Module, x: Tensor) -> CapturedModel:
    with untouched(model):
        return capture(model, (x,), {})


def derived_anew(name: str) -> list[float]:
    """Seconds of a capture, and of the derivations of what it found, the first in the process."""
    model, x = drawn(name)
    taken = rounds({"capture": lambda: captured(model, x)}, RUNS, own_clock())["capture"]
    found = captured(model, x)
    derive = seconds(lambda: [prove(each.term) for each in found.segments], own_clock())
    return [milliseconds(taken), 1e3 * derive]


def in_processes_of_their_own(name: str) -> float:
    """The median ratio of capture and derivation to the capture."""
    ratios = []
    for _ in range(PROCESSES):
        made = subprocess.run(
            [sys.executable, __file__, name], check=True, capture_output=True, text=True
        )
        capture_ms, derive_ms = json.loads(made.stdout)
        ratios.append((capture_ms + derive_ms) / capture_ms)
    return sorted(ratios)[PROCESSES // 2]


def main() -> None:
    model, x = drawn("resnet50")

    def passed() -> None:
        source = x.clone().requires_grad_()
        model(source).sum().backward()
        model.zero_grad()

    taken = rounds(
        {
            "analyze": lambda: analyze(model, x),
            "capture": lambda: captured(model, x),
            "pass": passed,
        },
        RUNS,
        own_clock(),
    )
    middle = {name: milliseconds(times) for name, times in taken.items()}
    report(
        "analyze",
        ratio=round(middle["analyze"] / (middle["capture"] + middle["pass"]), 3),
        target=1.5,
        milliseconds=middle,
        resnet152_capture_and_derivation_to_capture=round(
            in_processes_of_their_own("resnet152"), 3
        ),
        runs=RUNS,
    )


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(json.dumps(derived_anew(sys.argv[1])))
    else:
        main()
