"""Puts what the derivation document says into words that a reader meets nowhere else as names."""

import re

from derivations.book.document import BlockRecord, BoundRecord

_NAME = re.compile(r"(?<![\w.])[a-z]{2,}(?:_[a-z0-9]+)+(?![\w(])")


def named(text: str) -> str:
    """The text with names such as gradient_independence in words."""
    return _NAME.sub(lambda found: found[0].replace("_", " "), text)


def full_stop(text: str) -> str:
    """The text with one full stop at its end."""
    return f"{text.rstrip().rstrip('.')}."


def bound_name(name: str) -> str:
    """A bound's name in words, without its side: residual.alignment_with_t.lower is “residual
    alignment with t”.
    """
    return " ".join(name.replace("_", " ").split(".")[:-1])


def shared(record: BlockRecord) -> list[str]:
    """The conditions under which every bound of a block stands."""
    first, *others = record.bounds
    return [each for each in first.conditions if all(each in bound.conditions for bound in others)]


def own(record: BlockRecord, bound: BoundRecord) -> list[str]:
    """The conditions of a bound that not all bounds of its block have."""
    return [each for each in bound.conditions if each not in shared(record)]
