"""Gives drawn records bounds for every loss: a given factor around the measured gains."""

from dataclasses import replace
from statistics import median

from validate.records.codec import DIGITS
from validate.records.schema import EVERY_LOSS, BlockRow, BoundRow, EpochRow, Gains, Results, Run

FACTORS = {"shift_invariant": 2.0, "labels": 1.1}


def with_every_loss(results: Results) -> Results:
    """At the epochs with spectra; the sample of the greatest gain is left out."""
    return replace(results, runs=tuple(map(_run, results.runs)))


def _run(run: Run) -> Run:
    epochs = run.config.spectra_epochs
    return replace(
        run,
        blocks=tuple(_block(row) if row.epoch in epochs else row for row in run.blocks),
        epochs=tuple(_epoch(row) if row.epoch in epochs else row for row in run.epochs),
    )


def _block(row: BlockRow) -> BlockRow:
    return row.model_copy(update={"bounds": (*row.bounds, *around(row.measured))})


def _epoch(row: EpochRow) -> EpochRow:
    return row.model_copy(update={"bounds": around(row.total.measured)} if row.total else {})


def _tightness(gains: Gains, most: float, factor: float) -> float | None:
    """As it is recorded: the median over the samples, to so many digits."""
    ratios = [gain / (gain * factor) for gain in gains if gain and gain != most]
    return float(f"{median(ratios):.{DIGITS}g}") if ratios else None


def around(gains: Gains) -> tuple[BoundRow, ...]:
    """Lower and upper, by class."""
    most = max(gain for gain in gains if gain is not None)
    return tuple(
        BoundRow(
            id=f"{EVERY_LOSS}{cls}",
            side=side,
            certainty="exact",
            delta=None,
            value=tuple(
                None if gain is None or gain == most else gain * factor**sign for gain in gains
            ),
            violations=0,
            tightness=_tightness(gains, most, factor**sign),
        )
        for cls, factor in FACTORS.items()
        for side, sign in (("lower", -1), ("upper", 1))
    )
