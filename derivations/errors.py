"""Names every way in which the toolkit refuses to answer.

Each error carries the exit code that the command line ends with; a refusal is never a silent
number.
"""

from collections.abc import Iterable
from typing import ClassVar


class GradboundError(Exception):
    """Base of every named refusal. The message is one line: the thing, and the way out."""

    exit_code: ClassVar[int] = 1


class InputError(GradboundError, ValueError):
    """Bad input: a non-finite tensor, a wrong shape or dtype, an unreadable file, a missing data
    set.
    """

    exit_code = 3


class UnknownNodeError(GradboundError, TypeError):
    """An operation has no rule for this node of a term."""

    exit_code = 3


class ViolationError(GradboundError, AssertionError):
    """A bound or a derivation step does not hold."""

    exit_code = 4


class CaptureError(GradboundError, RuntimeError):
    """A model cannot be captured, or what was captured is not what the model does."""

    exit_code = 5


class TimeLimitError(GradboundError, TimeoutError):
    """Symbolic work exceeded its time limit and was killed."""

    exit_code = 6


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The most similar of the names, whatever their case; None if none is similar."""
    from difflib import get_close_matches

    by_lower = {each.lower(): each for each in names}
    near = get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else None


def way_out(name: str, names: Iterable[str]) -> str:
    """What to do about a name that is none of these: the one that was meant, and all of them."""
    known = tuple(names)
    meant = nearest(name, known)
    return f"{f'did you mean {meant!r}? Or ' if meant else ''}choose from {', '.join(known)}"
