"""Analyzes models of torchvision and timm, random weights in float64, and writes one table.

Each row: the model, its input, seconds of the capture and of the whole analysis, the number of
blocks of each kind, and how far any block's own pullback is from the measured one. Weights that a
model makes zero are drawn where no signal passes them. A model that is refused gets the reason.
`PYTHONPATH=benchmarks python benchmarks/models/zoo.py OUT.csv [NAME…]` carries on with what OUT
holds.
"""

import csv
import sys
import time
from collections import Counter
from pathlib import Path

import torch

from derivations.errors import GradboundError
from validate.analysis.analyze import analyze
from validate.targets.targets import load_target

COLUMNS = (
    "model", "input", "capture_seconds", "seconds", "blocks", "kinds", "relative_error", "refused",
)  # fmt: skip


def row(text: str) -> dict[str, object]:
    started = time.perf_counter()
    try:
        target = load_target(text, batch=2, dtype="float64", device="cpu")
        target.model.eval()
        found = analyze(target.model, *target.args, target=text)
        if found.total.relative_error is None:  # a head of zeros, behind which nothing is measured
            _draw_zeros(target.model)
            found = analyze(target.model, *target.args, target=text)
    except (GradboundError, RuntimeError, MemoryError) as error:
        return {"model": text, "refused": " ".join(str(error).split())[:200]}
    kinds = Counter(block.kind for block in found)
    error = found.total.relative_error
    return {
        "model": text,
        "input": "x".join(map(str, found.input_shape[0])),
        "capture_seconds": round(found.capture.seconds, 2),
        "seconds": round(time.perf_counter() - started, 1),
        "blocks": len(found.blocks),
        "kinds": ", ".join(f"{number} {kind}" for kind, number in kinds.most_common()),
        "relative_error": "" if error is None else f"{error:.1e}",
    }


def _draw_zeros(model: torch.nn.Module) -> None:
    torch.manual_seed(0)
    for weight in model.parameters():
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.02)


def main(out: Path, names: list[str]) -> None:
    torch.set_num_threads(1)
    done = set()
    if out.exists():
        with out.open(newline="") as file:
            done = {each["model"] for each in csv.DictReader(file)}
    with out.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if not done:
            writer.writeheader()
        for name in names or _all():
            if name not in done:
                writer.writerow(row(name))
                file.flush()


def _all() -> list[str]:
    from validate.targets.zoo_models import torchvision_model

    torchvision_model("resnet18", None)  # which declares what a CPU build lacks
    import torchvision

    return [f"torchvision:{each}" for each in torchvision.models.list_models(torchvision.models)]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
