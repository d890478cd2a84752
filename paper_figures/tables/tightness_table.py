"""Tabulates how tight the bounds are: for every signal, every loss and every hard label."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from paper_figures.drawing.style import look
from paper_figures.figures.select import (
    MissingRecordsError,
    envelope,
    families,
    of_class,
    runs_of,
    segments,
)
from paper_figures.tables.table import Cell, Column, Table
from validate.records.schema import BoundRow, Gains, Results, Run
from validate.statistics.before_training import before_training

CLASSES = {
    "every signal": "every signal",
    "shift_invariant": "every shift-invariant loss",
    "labels": "every hard label",
}
WHEN = ("before training", "after training")


@dataclass(frozen=True)
class _Seen:
    """Bounds of one class beside the gains that they are on."""

    gains: Gains
    bounds: Sequence[BoundRow]

    @property
    def losses(self) -> bool:
        return any(bound.losses for bound in self.bounds)


def tightness(results: Results) -> Table:
    """Per family and class of losses, before and after training, of blocks and of whole networks:
    how far bounds are from the gains, and how many say nothing.

    Raises MissingRecordsError where the records hold no bounds for every loss.
    """
    if not any(b.losses for run in results.runs for row in run.blocks for b in row.bounds):
        raise MissingRecordsError(
            f"no bounds for every loss in {results.folder}: run `gradbound validate` again"
        )
    rows: list[tuple[Cell, ...]] = []
    for family in families(results):
        for when, last in zip(WHEN, (False, True), strict=True):
            for part, make in (("block", _of_blocks), ("network", _of_networks)):
                for cls, words in CLASSES.items():
                    seen = [
                        each for run in runs_of(results, family) for each in make(run, last, cls)
                    ]
                    if found := _cells(each for each in seen if each.bounds):
                        rows.append((look(family).title, when, part, words, *found))
    columns = (
        Column("family"), Column("network"), Column("of a"), Column("bound for"),
        Column("checks", ","), Column("upper / γ", ".3g"), Column("γ / lower", ".3g"),
        Column("lower 0 (%)", ".1f"), Column("upper ∞ (%)", ".1f"),
    )  # fmt: skip
    caption = (
        "How tight bounds are that need no knowledge of the signal: medians over the gains of the "
        "probe samples in every block (ReLUs between them left out), and from end to end, of the "
        "sharpest recorded bounds; ∞ where most are 0 below or ∞ above, and the shares that say "
        "nothing. Those for every signal are probable in part; those for every loss leave out "
        f"samples whose measured signal could be rounding. {before_training(results.runs)}"
    )
    return Table(caption, columns, tuple(rows))


def _of_blocks(run: Run, last: bool, cls: str) -> Iterator[_Seen]:
    for row in segments(run, run.config.epochs if last else 0):
        yield _Seen(row.measured, of_class(row, cls))


def _of_networks(run: Run, last: bool, cls: str) -> Iterator[_Seen]:
    for row in run.epochs:
        if row.total is not None and row.epoch == (run.config.epochs if last else 0):
            yield _Seen(row.total.measured, of_class(row, cls))


def _cells(every: Iterable[_Seen]) -> tuple[Cell, ...]:
    """Checks, the medians, and the shares that say nothing; empty where there is no check."""
    # Of a bound for every loss the lower side is null where the sample was left out.
    pairs = [
        (gain, low or 0.0, math.inf if high is None else high)
        for seen in every
        for gain, low, high in zip(seen.gains, *envelope(seen.bounds, len(seen.gains)), strict=True)
        if gain is not None and (low is not None or not seen.losses)
    ]
    if not pairs:
        return ()
    above = [high / gain for gain, _, high in pairs if gain > 0]
    below = [gain / low if low > 0 else math.inf for gain, low, _ in pairs]
    dead = [100 * float(np.mean([bad(p) for p in pairs])) for bad in (_no_lower, _no_upper)]
    return (len(pairs), _median(above), _median(below), *dead)


def _no_lower(pair: tuple[float, float, float]) -> bool:
    return pair[1] <= 0


def _no_upper(pair: tuple[float, float, float]) -> bool:
    return math.isinf(pair[2])


def _median(values: Sequence[float]) -> Cell:
    """The middle one, which may be ∞."""
    if not values:
        return None
    middle = float(np.median(values))  # ∞ and ∞ are averaged to ∞
    return middle if math.isfinite(middle) else "∞"
