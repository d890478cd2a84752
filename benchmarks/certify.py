"""Times `certify` of a residual bottleneck, 256×14×14, batch 8, against forward + backward.

Prints one JSON line: the first call, in which the norm of each weight is found (each round has
weights of its own), and later ones, in which it is remembered; passes are in float64, as certify's.
"""

import torch
from shared import bottleneck, milliseconds, passes, ratio, report, rounds

from derivations.algebra.terms import Add, Identity, Layer
from numeric import certify

RUNS = 7


def main() -> None:
    block, x = bottleneck(size=14, dtype=torch.float64)
    term, g = Add(Layer("F"), Identity()), torch.randn_like(x)

    def again() -> None:
        certify(term, {"F": block.branch}, x, g)

    def first() -> None:
        for each in block.parameters():
            each.data.mul_(1 + 2.0**-20)  # another content
        again()

    taken = rounds({"passes": passes(block, x, g), "first": first, "again": again}, RUNS)
    report(
        "certify",
        first=ratio(taken["first"], taken["passes"]),
        again=ratio(taken["again"], taken["passes"]),
        **{f"{name}_ms": milliseconds(each) for name, each in taken.items()},
        runs=RUNS,
    )


if __name__ == "__main__":
    main()
