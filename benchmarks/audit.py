"""Times the audit of the paper's 25 claims on one core, imports excluded; the target is 20 s.

Prints one JSON line: the median of 3 runs in one process, and how much of it the counting of
networks takes.
"""

import json
import statistics
import time

import torch
from sympy.core.cache import clear_cache

from derivations.checker.quantity_samples import quantity_samples
from validate.audit.adjudicate import CLAIMS, adjudicate
from validate.audit.evidence import Sources

RUNS = 3
TARGET_SECONDS = 20.0


def timed() -> dict[str, float]:
    """Seconds by claim, nothing known beforehand."""
    clear_cache()
    quantity_samples.cache_clear()
    sources, seconds = Sources(), {}
    for claim in CLAIMS.values():
        start = time.perf_counter()
        adjudicate(claim, claim.gather(sources))
        seconds[claim.id] = time.perf_counter() - start
    return seconds


def main() -> None:
    torch.set_num_threads(1)
    runs = [timed() for _ in range(RUNS)]
    total = statistics.median(sum(run.values()) for run in runs)
    counted = statistics.median(
        sum(run[claim] for claim in ("C16", "C19", "C20", "C21", "C22")) for run in runs
    )
    print(
        json.dumps(
            {
                "benchmark": "audit",
                "seconds": round(total, 3),
                "ratio_to_target": round(total / TARGET_SECONDS, 3),
                "seconds_counting_networks": round(counted, 3),
                "threads": 1,
            }
        )
    )


if __name__ == "__main__":
    main()
