"""Measures how the peak memory of a Golub–Kahan run grows with n and with its steps k.

It grows linearly in n·k, so both exponents are 1. Prints one JSON line: exponents fitted to the
growth of the peak over what a run of one step takes (n) and over that of few steps (k), each run in
a process of its own, whose largest resident set the operating system reports. One thread and an
allocator that gives large blocks back at once, or peaks would depend on what it happens to keep.
"""

import json
import math
import os
import resource
import subprocess
import sys

import torch
from shared import report

from numeric import DiagonalOperator, sigma_max

BATCH = 4
SIZES = (200_000, 400_000, 800_000)
STEPS = (20, 40, 80)
STEADY = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}


def peak(size: int, steps: int) -> float:
    """MiB of a run in a process of its own, over those of the same run with one step."""
    runs = [
        subprocess.run(
            [sys.executable, __file__, str(size), str(each)],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | STEADY,
        )
        for each in (steps, 1)
    ]
    high, low = (json.loads(run.stdout) for run in runs)
    return (high - low) / 1024


def exponent(xs: tuple[int, ...], ys: list[float]) -> float:
    """The slope of log y over log x between the ends."""
    return round(math.log(ys[-1] / ys[0]) / math.log(xs[-1] / xs[0]), 3)


def main() -> None:
    by_size, by_steps = (
        [peak(size, 40) for size in SIZES],
        [peak(400_000, steps) for steps in STEPS],
    )
    bases = [2 * BATCH * size * 39 * 4 / 2**20 for size in SIZES]  # both of them, float32
    report(
        "memory",
        exponent_in_n=exponent(SIZES, by_size),
        exponent_in_k=exponent(tuple(steps - 1 for steps in STEPS), by_steps),
        mib=dict(zip(map(str, SIZES), map(round, by_size), strict=True)),
        ratio_to_the_two_bases=round(by_size[-1] / bases[-1], 3),
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        torch.manual_seed(0)
        sigma_max(DiagonalOperator(torch.rand(BATCH, int(sys.argv[1]))), steps=int(sys.argv[2]))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    else:
        main()
