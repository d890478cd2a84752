"""Notices a whole block that was given as the branch of its own structure: its skip counts twice.

`residual` adds x to F(x); where the map given for F adds x already, the numbers are those of F(x) +
2x, which is seldom meant. It is legal, so this warns.
"""

import warnings
from collections.abc import Iterator

from derivations.algebra.notation import JacobianOf
from derivations.algebra.terms import Add, Concat, Gate, Identity, Layer, Term, parts_of
from numeric.evaluation.activation_point import Point


class RepeatedSkipWarning(UserWarning):
    """A leaf joins its own input to its value, and so does the term that it stands in."""


def warn_of_repeated_skips(point: Point) -> None:
    """Warns of each layer beside a skip whose map ends by joining its input, as it is, itself."""
    for name in sorted(set(_beside_a_skip(point.term))):
        for meaning, jacobian in point.linearized():
            if (
                isinstance(meaning, JacobianOf)
                and meaning.term == Layer(name)
                and jacobian.joins_its_input()
            ):
                # Three levels up is the line that called the public function.
                warnings.warn(
                    f"leaf {name!r} adds or appends its own input, and so does the term: if it is "
                    f"a whole block, give its branch alone, or evaluate it as Layer({name!r})",
                    RepeatedSkipWarning,
                    stacklevel=3,
                )
                break


def _beside_a_skip(term: Term) -> Iterator[str]:
    """The layers that a sum or a concatenation joins with their own input."""
    parts = parts_of(term)
    if isinstance(term, Add | Concat) and Identity() in parts:
        signals = (part.signal if isinstance(part, Gate) else part for part in parts)
        yield from (part.name for part in signals if isinstance(part, Layer))
    for part in parts:
        yield from _beside_a_skip(part)
