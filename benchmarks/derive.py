"""Times the derivation and the checking of everything, imports excluded, against the target of 5 s on 2 cores.

Prints one JSON line: the median of 7 runs in one process, and how much longer the expansion of Eq. (6) takes for twice
as many layers (linear growth in the number of terms, l(l + 1)/2, would give about 4).
"""

import json
import os
import statistics
import time
from collections.abc import Callable

from sympy.core.cache import clear_cache

from derivations.document import derive
from derivations.equations import CROSS, SLOPES
from derivations.samples import quantity_samples
from derivations.sums import expand_sums

RUNS = 7
TARGET_SECONDS = 5.0


def seconds(work: Callable[[], object]) -> float:
    clear_cache()
    quantity_samples.cache_clear()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    total = statistics.median(seconds(derive) for _ in range(RUNS))
    expansion = {l: statistics.median(seconds(lambda l=l: expand_sums(SLOPES + CROSS, l)) for _ in range(RUNS)) for l in (16, 32)}
    print(
        json.dumps(
            {
                "benchmark": "derive",
                "seconds": round(total, 3),
                "ratio_to_target": round(total / TARGET_SECONDS, 3),
                "growth_l16_to_l32": round(expansion[32] / expansion[16], 2),
                "threads": os.cpu_count(),
            }
        )
    )


if __name__ == "__main__":
    main()
