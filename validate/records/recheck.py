"""Recomputes what records conclude from what they store, without the code that concluded it.

Plain floating point. Raises InputError, naming the row, where a count, an error, a tightness or a
product is not what the stored numbers give. What is missing is seen by `missing_rows`.
"""

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from derivations.errors import InputError
from validate.records.codec import DIGITS
from validate.records.schema import BlockRow, BoundRow, EpochRow, Gains

# Stated anew and not imported: a slip there would pass here as well.
ROUNDING = 2.0**-45
"""Allowed error of an identity or a bound relative to the quantities involved: 128 spacings of
float64, as in `numeric.tolerances`."""


TELESCOPING = 1e-9
"""Allowed relative error of a product of measured gains: of hundreds of factors."""

LOST = 1e-5
"""Largest allowed error of a bound for every loss: of two passes that may differ by rounding."""

LAST_DIGIT = 10.0 ** (1 - DIGITS)
"""By how much, relatively, a stored bound may have been rounded away from the gain."""


def recheck(
    place: Path,
    epochs: Sequence[EpochRow],
    blocks: Sequence[BlockRow],
    way_out: str = "delete it and run again",
) -> None:
    """Raises InputError, with the `way_out`, unless every row of the run in the folder `place`
    concludes what its numbers say.
    """
    for row in blocks:
        if wrong := next(_wrong_in_block(row), None):
            raise InputError(
                f"{place}, epoch {row.epoch}, {row.name}: {wrong} is not what the stored "
                f"gains give: {way_out}"
            )
    for epoch in epochs:
        if wrong := next(
            _wrong_in_epoch(epoch, [row for row in blocks if row.epoch == epoch.epoch]), None
        ):
            raise InputError(
                f"{place}, epoch {epoch.epoch}: {wrong} is not what the stored gains give: "
                f"{way_out}"
            )


def _wrong_in_block(row: BlockRow) -> Iterator[str]:
    if row.vanished != row.measured.count(None) or [p is None for p in row.predicted] != [
        m is None for m in row.measured
    ]:
        yield "the number of vanished signals"
        return
    if row.version > 1 and not _tells_why(row):
        yield "the reason for a missing gain"
    pairs = list(_pairs(row.predicted, row.measured))
    # Exactly: the same two numbers divided in the same way, whoever does it.
    if row.identity_error != _largest_error(pairs):
        yield "identity_error"
    scales = [scale or 0.0 for scale in row.terms.get("t", (0.0,) * len(row.measured))]
    live = [
        (p, m, scale)
        for p, m, scale in zip(row.predicted, row.measured, scales, strict=True)
        if p is not None and m is not None
    ]
    failures = [1 for p, m, scale in live if not abs(p - m) <= ROUNDING * (p + m + scale)]
    if row.identity_failures != len(failures):
        yield "identity_failures"
    # They were rounded each by itself, so that their signs are all that must agree.
    cosines, alignments = row.terms.get("c", ()), row.law.alignment if row.law else ()
    if any(
        c is not None and a is not None and c * a < 0
        for c, a in zip(cosines, alignments, strict=False)
    ):
        yield "the sign of an alignment"
    yield from (
        f"{wrong} of {bound.id}"
        for bound in row.bounds
        for wrong in _wrong_in_bound(bound, row.measured, scales)
    )


def _tells_why(row: BlockRow) -> bool:
    """Of every sample without a gain, and of no other."""
    if not row.vanished:
        return row.masked == ()
    return [mask is None for mask in row.masked] == [gain is not None for gain in row.measured]


def _wrong_in_bound(bound: BoundRow, measured: Gains, scales: Sequence[float]) -> Iterator[str]:
    """Violations were counted before a bound was rounded, or stored as null where infinite: only
    limits can be recomputed.
    """
    live = [
        (b, m, scale)
        for b, m, scale in zip(bound.value, measured, scales, strict=True)
        if m is not None
    ]
    inward = LAST_DIGIT if bound.side == "lower" else -LAST_DIGIT
    least = most = 0
    for b, m, scale in live:
        if b is None:
            most += 1
            continue
        if _violates(bound.side, b, m, scale, LOST if bound.losses else ROUNDING):
            least += 1
        if _violates(bound.side, b + inward * abs(b), m, scale):
            most += 1
    if not least <= bound.violations <= most:
        yield "violations"
    ratios = [m / b for b, m, _ in live if b is not None and b > 0]
    if bound.tightness != (float(f"{statistics.median(ratios):.{DIGITS}g}") if ratios else None):
        yield "tightness"


def _violates(
    side: str, bound: float, measured: float, scale: float, allowed: float = ROUNDING
) -> bool:
    excess = bound - measured if side == "lower" else measured - bound
    return not excess <= allowed * (measured + abs(bound) + scale)


def _wrong_in_epoch(row: EpochRow, blocks: Sequence[BlockRow]) -> Iterator[str]:
    """Of an epoch whose blocks were not recorded, products and counts cannot be recomputed."""
    if (row.status == "ok") != (row.total is not None):
        yield "its total"
    if row.total is None:
        yield from _stated_without_total(row)
        return
    if not _fits(row.batch_ratio, row.batch_gains):
        yield "batch_ratio"
    masks = [mask for block in blocks for mask in block.masked]
    seen = (masks.count("zero"), masks.count("faint"))
    if row.version > 1 and blocks and seen != (row.vanished, row.faint):
        yield "the number of vanished signals"
    predicted = [block.predicted for block in blocks]
    telescoped = tuple(_product(gains) for gains in zip(*predicted, strict=True))
    if (predicted and row.total.telescoped != telescoped) or len(row.total.measured) != len(
        row.total.telescoped
    ):
        yield "the product of the gains"
    elif row.total.relative_error != _largest_error(
        _pairs(row.total.telescoped, row.total.measured)
    ):
        yield "relative_error"
    yield from _wrong_in_whole(row.bounds, row.total.measured)


def _stated_without_total(row: EpochRow) -> Iterator[str]:
    """What nothing can have been measured of, in an epoch without a gradient."""
    if (row.batch_ratio, row.batch_gains) != (None, ()):
        yield "its batch_ratio"
    if row.bounds:
        yield "its bounds"
    if row.vanished or row.faint:
        yield "the number of vanished signals"
    if row.float32_error is not None:
        yield "its float32_error"


def _wrong_in_whole(bounds: Iterable[BoundRow], seen: Gains) -> Iterator[str]:
    yield from (
        f"{wrong} of {bound.id}"
        for bound in bounds
        for wrong in (
            _wrong_in_bound(bound, seen, (0.0,) * len(seen))
            if len(bound.value) == len(seen)
            else ["the number of values"]
        )
    )


def _fits(ratio: float | None, gains: Gains) -> bool:
    """Whether it is the product; between two ends that were measured there is one, whatever was
    lost on the way.
    """
    product = _product(gains)
    if not gains or product is None:
        return not gains or ratio is not None or None in (gains[0], gains[-1])
    return ratio is not None and abs(product - ratio) <= TELESCOPING * (product + ratio)


def _product(gains: tuple[float | None, ...]) -> float | None:
    known = [gain for gain in gains if gain is not None]
    return math.prod(known) if len(known) == len(gains) else None


def _pairs(first: Gains, second: Gains) -> Iterator[tuple[float, float]]:
    return ((a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None)


def _largest_error(pairs: Iterable[tuple[float, float]]) -> float | None:
    """The largest |a − b| / max(|a|, |b|), 0 where both are 0; None of no pairs."""
    return max(
        (abs(a - b) / max(abs(a), abs(b)) if a or b else 0.0 for a, b in pairs), default=None
    )
