"""Times `evaluate` of a residual bottleneck, 256×14×14, batch 8, against forward + backward.

The target is 80 × with spectra. Prints one JSON line: with spectra of 40 steps as they come, with
those that stop where every bound is decided to WIDTH, and without; beside each the products with
the Jacobian that it makes. What is derived of the term is kept, and is there before the first
round. In float operations a pair of products is forward + backward, so that no ratio can be less
than the pairs.
"""

from collections.abc import Callable

import torch
from shared import bottleneck, counted, milliseconds, own_clock, passes, ratio, report, rounds

from derivations.algebra.terms import Add, Identity, Layer
from numeric import evaluate

RUNS, WIDTH = 7, 0.05


def main() -> None:
    block, x = bottleneck(size=14)
    term, g = Add(Layer("F"), Identity()), torch.randn_like(x)

    def evaluated(**options: object) -> Callable[[], object]:
        return lambda: evaluate(term, {"F": block.branch}, x, g, **options)

    ways = {
        "spectra": evaluated(),
        "decided": evaluated(rtol=WIDTH),
        "bounds": evaluated(spectra=False),
    }
    products = {}
    for name, way in ways.items():
        with counted() as made:
            way()
        products[name] = made
    taken = rounds({"passes": passes(block, x, g), **ways}, RUNS, own_clock())
    report(
        "evaluate",
        with_spectra=ratio(taken["spectra"], taken["passes"]),
        target=80,
        decided=ratio(taken["decided"], taken["passes"]),
        width=WIDTH,
        without=ratio(taken["bounds"], taken["passes"]),
        products=products,
        **{f"{name}_ms": milliseconds(each) for name, each in taken.items()},
        runs=RUNS,
    )


if __name__ == "__main__":
    main()
