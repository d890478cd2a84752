"""Answers in words: where does the gradient die, and what is guaranteed of it?

Every number is one of the analysis, or a product of some of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from validate.analysis.analysis_document import (
    SOME_LOSSES,
    Analysis,
    BlockAnalysis,
    BoundValue,
    block_bound,
)
from validate.inside.cause_words import EXPANDS

EVERY = "every backward signal"
WHATEVER = ("every_loss.all", "lower")
VANISHES = 1e-3
"""Ten blocks that each are at the edge of losing the signal, γ = ½, leave so much: a chain that
leaves less vanishes by depth.
"""
EXPLODES = 1e6
"""Twenty blocks at the other edge, γ = 2. Growth is judged more mildly than loss, for normalized
residual networks that train well multiply by some thousands when they are made.
"""
LITTLE = 1e3
"""A bound on the whole chain that is so many times off says little."""


@dataclass(frozen=True)
class Headline:
    """Two sentences: `answer` says where the gradient dies, or is lost, or that it is not;
    `guarantee` what the bounds say, with their certainty.
    """

    answer: str
    guarantee: str


def headline(found: Analysis) -> Headline:
    """The sentences that stand above everything else that is said of a model."""
    return Headline(_answer(found), _guarantee(found))


def _answer(found: Analysis) -> str:
    if not any(block.gain for block in found.blocks):
        return "Nothing was measured: this is the structure alone."
    if (died := _death(found)) is not None:
        return died
    total, origin = _whole(found), _origin(found, None)
    origin = f" But {origin}." if origin else ""
    if (by_depth := _by_depth(found)) is not None:
        return by_depth + origin
    if found.losing:
        worst = found.losing[0]
        more = len(found.losing) - 1
        others = f", and {more} other block{'s lose' if more > 1 else ' loses'} some" * (more > 0)
        return f"The gradient does not die; {_most(worst)}{others}.{total}{origin}"
    least = found.worst[0]
    apart = ", averages apart," if found.averaging else ""
    said = f"The gradient gets through: the least gain{apart} is {_judged(least)}, in {least.name}."
    return said + total + origin


def _death(found: Analysis) -> str | None:
    """Where the signal goes out, and where the input was lost before that."""
    dead = [block for block in found.blocks if block.gain and block.gain.median == 0]
    if not dead:
        return None
    last = dead[-1]
    before = sum(block.gain is None and block.index < last.index for block in found.blocks)
    whom = {0: "", 1: " The block before it gets no signal at all."}.get(
        before, f" The {before} blocks before it get no signal at all."
    )
    some = " for most samples" if last.gain and last.gain.max > 0 else ""
    origin = _origin(found, last)
    origin = f" And {origin}." if origin else ""
    return f"The gradient dies in {last.name}{some}: {last.lost_by or 'γ = 0'}.{whom}{origin}"


def _origin(found: Analysis, dead: BlockAnalysis | None) -> str:
    """The first block that makes a constant of every sample, as seen from where the signal dies."""
    first = found.origin
    if first is None:
        return ""
    if dead is not None and first.index == dead.index:
        return (
            f"{dead.name} makes a constant of every sample: nothing behind it depends on the input"
        )
    place = {block.index: number for number, block in enumerate(found.shown)}
    where = ""
    if dead is not None and first.index < dead.index and {first.index, dead.index} <= place.keys():
        apart = place[dead.index] - place[first.index]
        where = f", {apart} block{'s' if apart > 1 else ''} before,"
    return (
        f"{first.name}{where} makes a constant of every sample: nothing behind it depends on the "
        "input"
    )


def _by_depth(found: Analysis) -> str | None:
    """Whether the whole chain takes or makes too much, for which no single block is the cause."""
    total, gains = found.total.measured, [block.judged for block in found.shown if block.gain]
    logs = [math.log(gain) for gain in gains if gain]
    if not total or not logs:
        return None
    single = sum(math.log(block.judged) for block in found.losing if block.judged)
    grown = [math.log(gain) for gain in gains if gain and gain > EXPANDS]
    whole = math.log(total) + sum(math.log(block.averaged) / 2 for block in found.blocks)
    if whole < math.log(VANISHES) and whole - single < math.log(VANISHES):
        said, alone = "vanishes", "loses" if not found.losing else ""
    elif whole > math.log(EXPLODES) >= whole - sum(grown):
        most = max(found.shown, key=lambda block: block.judged or 0.0)
        return (
            f"The gradient explodes: from output to input it is multiplied by {total:.2g}; most of "
            f"it is made by {most.name}, γ = {_gain(most)}."
        )
    elif whole > math.log(EXPLODES):
        said, alone = "explodes", "makes" if not grown else ""
    else:
        return None
    mean = math.exp(sum(logs) / len(logs))
    rest = f"; no single block {alone} it" if alone else ""
    if found.losing and said == "vanishes":
        rest = f"; besides, {_lost(found.losing[0])}"
    apart = ", averages apart" if found.averaging else ""
    return (
        f"The gradient {said} by depth: from output to input it is multiplied by {total:.2g}, "
        f"{len(logs)} blocks of {mean:.2g} in the geometric mean{apart}{rest}."
    )


def _lost(worst: BlockAnalysis) -> str:
    return f"some is lost in {worst.name}, γ = {_gain(worst)} ({worst.lost_by})"


def _judged(block: BlockAnalysis) -> str:
    return "–" if block.judged is None else f"{block.judged:.3g}"


def _most(worst: BlockAnalysis) -> str:
    return f"most of it is lost in {worst.name}, γ = {_gain(worst)} ({worst.lost_by})"


def _gain(block: BlockAnalysis) -> str:
    return f"{block.gain.median:.3g}" if block.gain else "–"


def _whole(found: Analysis) -> str:
    measured = found.total.measured
    if measured is None:
        return ""
    return f" From output to input the signal is multiplied by {measured:.3g}."


def _guarantee(found: Analysis) -> str:
    bounded = [block for block in found.blocks if block.bounds]
    if not bounded:
        return "Nothing is guaranteed: no bound applies to these blocks."
    said = [_whatever_the_loss(found) or _for_this_signal(found)]
    low, high, delta = chain_bounds(found)
    if low is not None and high is not None:
        sure = "exact" if delta == 0 else f"probable, δ = {delta:.1g}"
        said.append(
            f"For every signal at this input the whole chain multiplies by {outward(low, 'lower')} "
            f"to {outward(high, 'upper')} ({sure}{_value_of(found, low, high)})."
        )
    elif not any(bound.holds_for == EVERY for block in bounded for bound in block.bounds):
        said.append("Bounds for every signal need singular values: ask for spectra.")
    return " ".join(said)


def _whatever_the_loss(found: Analysis) -> str:
    """What bounds for every loss say, where each block has one."""
    lower = [
        next((each for each in block.bounds if (each.id, each.side) == WHATEVER), None)
        for block in found.blocks
    ]
    if None in lower:
        return ""
    return f"Guaranteed whatever the loss makes of the logits: {_kept(lower)}"


def _for_this_signal(found: Analysis) -> str:
    lower = [_best(block, "lower", every=False) for block in found.blocks]
    return f"Guaranteed for this signal, by what it meets in each block: {_kept(lower)}"


def _kept(lower: Sequence[BoundValue | None]) -> str:
    kept = [bound for bound in lower if bound is not None and bound.value]
    said = f"{len(kept)} of {len(lower)} blocks cannot lose it, "
    if not kept:
        return said + "as no lower bound is above 0."
    least = outward(min(bound.value or 0 for bound in kept), "lower")
    sure = " and ".join(sorted({bound.certainty for bound in kept}))
    return said + f"each keeps γ ≥ {least} ({sure})."


def chain_bounds(found: Analysis) -> tuple[float | None, float | None, float]:
    """Bounds on the whole chain for every signal at this input: products of those of its blocks,
    None where a block has none, and the sum of the chances that one of them errs.
    """
    delta = 0.0
    ends: list[float | None] = []
    for side in ("lower", "upper"):
        bounds = [_best(block, side, every=True) for block in found.blocks]
        known = [bound.value for bound in bounds if bound is not None and bound.value is not None]
        ends.append(_product(known) if len(known) == len(bounds) else None)
        delta += sum(bound.delta or 0.0 for bound in bounds if bound is not None)
    low, high = ends
    return low, high, delta


def _best(block: BlockAnalysis, side: str, *, every: bool) -> BoundValue | None:
    """The bound of this side that says most, of several the surest, among those for every signal or
    among all that hold for the one that was measured.
    """
    found = [
        bound
        for bound in block.bounds
        if bound.side == side and bound.value is not None and bound.id not in SOME_LOSSES
        if bound.holds_for == EVERY or not every
    ]
    sign = -1 if side == "lower" else 1
    return min(
        found, key=lambda bound: (sign * (bound.value or 0), bound.delta or 0.0), default=None
    )


def _product(values: Sequence[float]) -> float | None:
    """None where it leaves the range of numbers, in which it would be no bound."""
    found = math.prod(values)
    return found if values and math.isfinite(found) and (found > 0 or 0 in values) else None


def bounds_in_words(block: BlockAnalysis) -> str:
    """The bounds that say most, rounded to where they hold; empty where there is none."""
    low, high = block_bound(block, "lower"), block_bound(block, "upper")
    if low is not None and high is not None:
        return f"{outward(low, 'lower')} to {outward(high, 'upper')}"
    if low is not None:
        return f"≥ {outward(low, 'lower')}"
    return "" if high is None else f"≤ {outward(high, 'upper')}"


def sentence(words: str) -> str:
    """Words as the beginning of a sentence; a Greek letter stays what it is."""
    return words[:1].upper() + words[1:] if words[:1].isascii() else words


def outward(value: float, side: str) -> str:
    """A bound in three digits, or as a power of ten, rounded to where it still holds."""
    if value <= 0:
        return f"{value:g}"
    exact = Decimal(repr(value))
    plain = 1e-3 <= value < 1e4
    if not plain:
        exact = exact.log10()
    unit = Decimal(1).scaleb(exact.adjusted() - 2 if plain else -1)
    rounded = exact.quantize(unit, ROUND_FLOOR if side == "lower" else ROUND_CEILING)
    return f"{float(rounded):.3g}" if plain else f"10^{rounded}"


def _value_of(found: Analysis, low: float, high: float) -> str:
    measured = found.total.measured
    if not measured:
        return ""
    ends = [
        word
        for word, says_little in (
            ("below", low * LITTLE < measured),
            ("above", measured * LITTLE < high),
        )
        if says_little
    ]
    return f"; trivial {' and '.join(ends)}" if ends else ""
