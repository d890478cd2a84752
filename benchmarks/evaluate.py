"""Times `evaluate` of a residual bottleneck, 256×14×14, batch 8, against forward + backward.

The target is 80 × with spectra. Prints one JSON line: with spectra as they come, and without. What
is derived of the term is kept, and is there before the first round.
"""

import torch
from shared import bottleneck, milliseconds, passes, ratio, report, rounds

from derivations.algebra.terms import Add, Identity, Layer
from numeric import evaluate

RUNS = 7


def main() -> None:
    block, x = bottleneck(size=14)
    term, g = Add(Layer("F"), Identity()), torch.randn_like(x)

    taken = rounds(
        {
            "passes": passes(block, x, g),
            "spectra": lambda: evaluate(term, {"F": block.branch}, x, g),
            "bounds": lambda: evaluate(term, {"F": block.branch}, x, g, spectra=False),
        },
        RUNS,
    )
    report(
        "evaluate",
        with_spectra=ratio(taken["spectra"], taken["passes"]),
        target=80,
        without=ratio(taken["bounds"], taken["passes"]),
        **{f"{name}_ms": milliseconds(each) for name, each in taken.items()},
        runs=RUNS,
    )


if __name__ == "__main__":
    main()
