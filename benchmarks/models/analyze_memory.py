"""Measures the peak memory of an analysis against that of a training step of the same model.

The target is 1.1 ×. Prints one JSON line with the ratio for ResNet-50 and the MiB of both: on a CPU
by the largest resident set of a process of its own each, over one that imports the same and builds
no model, with an allocator that gives large blocks back at once; on a GPU by what torch allocated.
Float32, batch 8, 128 px; the step is one of SGD with momentum.
"""

import json
import os
import resource
import subprocess
import sys

import torch
from shared import DEVICE, report
from torch.nn import functional

from validate.analysis.analyze import analyze
from validate.networks.build import build

NETWORK, BATCH, SIZE = "resnet50", 8, 128
STEADY = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}


def run(what: str) -> None:
    if what == "nothing":
        return
    model = build(NETWORK, image_size=SIZE).to(DEVICE)
    x = torch.randn(BATCH, 3, SIZE, SIZE, device=DEVICE)
    if what == "analyze":
        analyze(model.eval(), x)
    elif what == "step":
        y = torch.zeros(BATCH, dtype=torch.long, device=DEVICE)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        functional.cross_entropy(model.train()(x), y).backward()
        optimizer.step()


def peak() -> float:
    """MiB that this process has needed at most."""
    if DEVICE == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peak_of(what: str) -> float:
    """MiB that a process of its own needs for it at most."""
    command = [sys.executable, __file__, what]
    made = subprocess.run(
        command, check=True, capture_output=True, text=True, env=os.environ | STEADY
    )
    return float(json.loads(made.stdout))


def main() -> None:
    base, model, step, analysis = map(peak_of, ("nothing", "model", "step", "analyze"))
    report(
        "analyze_memory",
        ratio=round((analysis - base) / (step - base), 3),
        target=1.1,
        mib_analysis=round(analysis - base),
        mib_step=round(step - base),
        mib_model=round(model - base),
    )


if __name__ == "__main__":
    if len(sys.argv) == 2:
        run(sys.argv[1])
        print(peak())
    else:
        main()
