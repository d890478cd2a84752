"""Times the derivation and the checking of everything, imports excluded.

The target is 3 s on 2 cores. Prints one JSON line: the median of 7 runs, each in a process of its
own, for much is remembered within one.
"""

import json
import os
import statistics
import subprocess
import sys

RUNS = 7
TARGET_SECONDS = 3.0
TIMED = (
    "import time; from derivations.book.derive import derive; start = time.perf_counter(); "
    "document = derive(); "
    "print(time.perf_counter() - start, document.ok)"
)


def seconds() -> float:
    took, ok = subprocess.run(
        [sys.executable, "-c", TIMED], check=True, capture_output=True, text=True
    ).stdout.split()
    assert ok == "True", "a step failed its checks"
    return float(took)


def main() -> None:
    total = statistics.median(seconds() for _ in range(RUNS))
    line = {
        "benchmark": "derive",
        "seconds": round(total, 3),
        "ratio_to_target": round(total / TARGET_SECONDS, 3),
        "threads": os.cpu_count(),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
