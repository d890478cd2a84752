"""Times the analysis of ResNet-50 (batch 8, 64 px) against capturing it and passing through it.

The target is 1.5 ×: analyze without spectra against capture + forward + backward, each timed alone.
A second ratio is that of capture and derivation to the capture alone. Float32, eval mode, medians
over alternating rounds; derivations are remembered from the first round on, as in any session.
"""

import torch
from shared import DEVICE, report, rounds

from derivations.book.proved_term import prove
from numeric import capture, untouched
from validate.analysis.analyze import analyze
from validate.networks.build import build

RUNS = 7


def main() -> None:
    model = build("resnet50", image_size=64).eval().to(DEVICE)
    x = torch.randn(8, 3, 64, 64, device=DEVICE)

    def captured() -> None:
        with untouched(model):
            capture(model, (x,), {})

    def passed() -> None:
        source = x.clone().requires_grad_()
        model(source).sum().backward()
        model.zero_grad()

    def derived() -> None:
        with untouched(model):
            found = capture(model, (x,), {})
        prove.cache_clear()
        for segment in found.segments:
            prove(segment.term)

    taken = rounds(
        {
            "analyze": lambda: analyze(model, x),
            "capture": captured,
            "pass": passed,
            "derive": derived,
        },
        RUNS,
    )
    middle = {name: sorted(times)[len(times) // 2] for name, times in taken.items()}
    report(
        "analyze",
        ratio=middle["analyze"] / (middle["capture"] + middle["pass"]),
        target=1.5,
        ratio_of_capture_and_derivation_to_capture=middle["derive"] / middle["capture"],
        capture_per_pass=middle["capture"] / middle["pass"],
        runs=RUNS,
    )


if __name__ == "__main__":
    main()
