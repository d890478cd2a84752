"""Times a special case of Eq. (6), built and checked, for more and more inputs l.

The growth must be at most linear in l. Prints one JSON line: milliseconds for each l, the median of
7 alternating runs in one process with cold caches, and the growth from l = 16 to 264, divided by
264 / 16 (linear growth would give 1).
"""

import json
import statistics
import time
from dataclasses import replace

from sympy.core.cache import clear_cache

from derivations.algebra.steps import Derivation
from derivations.checker import concrete_sums, drawn_sums
from derivations.checker.check import check
from derivations.theorems.dense_step import dense_step
from derivations.theorems.equation6 import special_case

RUNS = 7
LAYERS = (16, 32, 64, 128, 264)


def milliseconds(layers: int, empty: Derivation) -> float:
    clear_cache()
    for cached in (drawn_sums.number, concrete_sums.written_out):
        cached.cache_clear()
    start = time.perf_counter()
    if not all(step.ok for step in check(replace(empty, steps=special_case(layers)))):
        raise AssertionError(f"l = {layers} fails")
    return 1e3 * (time.perf_counter() - start)


def main() -> None:
    empty = Derivation("special cases", dense_step().notation, ())
    runs = [{layers: milliseconds(layers, empty) for layers in LAYERS} for _ in range(RUNS)]
    medians = {layers: statistics.median(run[layers] for run in runs) for layers in LAYERS}
    growth = medians[264] / medians[16] / (264 / 16)
    print(
        json.dumps(
            {
                "benchmark": "special_cases",
                "milliseconds": {layers: round(median, 2) for layers, median in medians.items()},
                "growth_l16_to_l264_over_linear": round(growth, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
