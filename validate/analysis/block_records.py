"""Puts what is known of one captured block into its record."""

import math
from collections.abc import Collection, Sequence

from torch import Tensor

from numeric import BlockNumbers, BoundNumbers, Captured, SegmentNumbers
from validate.analysis.analysis_document import (
    BlockAnalysis,
    BoundValue,
    SpectrumRecord,
    Spread,
    Terms,
)
from validate.analysis.formulas import formula
from validate.inside.causes import Cause, cause_of, median_term
from validate.inside.inner_causes import InnerCause


def block_of(
    index: int,
    segment: Captured,
    found: SegmentNumbers | None,
    spectra: BlockNumbers | None,
    culprit: str | None,
    containers: Collection[str] = (),
    inside: InnerCause | None = None,
    every_loss: tuple[BoundValue, ...] = (),
    constant: str | None = None,
) -> BlockAnalysis:
    """The record of a block; without numbers, or where every signal is zero, its gain is null.

    `culprit` is the name of the last block that the signal entered and did not leave; `containers`
    are the modules that hold others which run, `inside` is what was seen in the block, and
    `every_loss` are bounds that need no signal, and `constant` says of the first block whose result
    is the same for every sample, why.
    """
    said = formula(segment.name, segment.term, segment.regions, containers)
    numbers = found.numbers if found else None
    live = bool(numbers is not None and numbers.live.any())
    lost = f"no signal reaches it: {culprit} lets nothing through" if culprit else "no signal"
    cause = Cause(lost if found else None)
    if numbers is not None and live:
        cause = cause_of(segment, numbers, inside, spectra)
    elif constant:
        cause = Cause(constant)
    known = spectra.bounds if spectra else ()
    ids = {bound.id for bound in known}
    known += tuple(each for each in (numbers.bounds if numbers else ()) if each.id not in ids)
    return BlockAnalysis(
        index=index,
        name=segment.name,
        kind=segment.kind,
        tags=segment.tags,
        term=said.term,
        where=said.where,
        pullback_latex=said.pullback_latex,
        gain=_spread(numbers.gain) if numbers is not None and live else None,
        terms=Terms(*(median_term(numbers, each) if numbers else None for each in ("t", "c"))),
        lost_by=cause.lost_by,
        advice=cause.advice,
        bounds=(_bounds(known, found) if found and live else ()) + every_loss,
        spectrum=_spectrum(spectra),
        structure=repr(segment.term),
        averaged=inside.averaged if inside and live else 1,
        constant=constant is not None,
    )


def _bounds(known: Sequence[BoundNumbers], found: SegmentNumbers) -> tuple[BoundValue, ...]:
    made = []
    for bound in known:
        kept = bound.value[~bound.value.isnan()]
        if not len(kept):
            continue
        value = float(kept.min() if bound.side == "lower" else kept.max())
        made.append(
            BoundValue(
                bound.id,
                "lower" if bound.side == "lower" else "upper",
                value if math.isfinite(value) else None,
                bound.certainty,
                found.holds_for.get(bound.id, ""),
                bound.delta,
            )
        )
    return tuple(made)


def _spectrum(spectra: BlockNumbers | None) -> SpectrumRecord | None:
    if spectra is None:
        return None
    known = {bound.id: bound for bound in spectra.bounds}
    least, most = known.get("singular.min.lower"), known.get("singular.max.upper")
    deltas = [bound.delta for bound in (least, most) if bound is not None and bound.delta]
    return SpectrumRecord(
        float(least.value.min()) if least is not None else None,
        float(most.value.max()) if most is not None else None,
        max(deltas, default=None),
    )


def _spread(values: Tensor) -> Spread:
    kept = values[values.isfinite()].double()
    if not len(kept):
        return Spread(0.0, 0.0, 0.0)
    return Spread(float(kept.min()), float(kept.quantile(0.5)), float(kept.max()))
