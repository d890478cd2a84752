"""Selects from the records what figures and tables show.

Every function returns arrays or records; where the records hold nothing to show, it raises
MissingRecordsError: no figure is empty.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from derivations.errors import InputError
from paper_figures.drawing.style import LOOKS, look
from validate.records.schema import BlockRow, BoundRow, EpochRow, Gains, Results, Run
from validate.statistics.ranking import ACROSS, WITHIN

CERTAINTIES = ("probable", "exact")

EVERY_SIGNAL = frozenset(
    (
        "norms.factors",
        "residual.numerical_range",
        "residual.uniform",
        "singular.max",
        "singular.min",
    )
)
"""The theorems whose bounds hold for whatever signal arrives, and use none."""

Floats = NDArray[np.float64]


class MissingRecordsError(InputError):
    """The records are sound, but hold nothing of what a figure shows."""


@dataclass(frozen=True)
class Curve:
    """A quantity by epoch: median, least and greatest over the seeds, (epochs,) each."""

    epochs: Floats
    median: Floats
    low: Floats
    high: Floats


def families(results: Results) -> list[str]:
    """The families trained, in the paper's order; raises InputError for one that has no look."""
    found = {run.config.family for run in results.runs}
    unknown = found - LOOKS.keys()
    if unknown:
        raise InputError(
            f"family {min(unknown)!r} has no colour: add it to paper_figures.drawing.style.LOOKS"
        )
    return [family for family in LOOKS if family in found]


def runs_of(results: Results, family: str, depth: int | None = None) -> list[Run]:
    """The family's runs (of one depth) by depth and seed.

    Raises MissingRecordsError if there is none.
    """
    runs = [
        run
        for run in results.runs
        if run.config.family == family and depth in (None, run.config.depth)
    ]
    if not runs:
        wanted = family if depth is None else f"{family}-{depth}"
        raise MissingRecordsError(
            f"no run of {wanted} in {results.folder}: validate that family too"
        )
    return sorted(runs, key=lambda run: (run.config.depth, run.config.seed))


def depths(results: Results, family: str) -> list[int]:
    """The depths at which the family was trained, ascending."""
    return sorted({run.config.depth for run in runs_of(results, family)})


def deepest(results: Results, family: str) -> list[Run]:
    """The family's runs at its greatest depth, one per seed."""
    return runs_of(results, family, depths(results, family)[-1])


def spread(
    samples: Sequence[Sequence[float]], epochs: Sequence[int], quantile: float = 0.0
) -> Curve:
    """Median, and the quantiles `quantile` and 1 − `quantile`, of each epoch's samples.

    0 stands for the least and the greatest. Epochs without samples are left out.
    """
    kept = [(epoch, values) for epoch, values in zip(epochs, samples, strict=True) if len(values)]
    low, median, high = (
        np.array([np.quantile(values, (quantile, 0.5, 1 - quantile)) for _, values in kept])
        .reshape(-1, 3)
        .T
    )
    return Curve(np.array([epoch for epoch, _ in kept], dtype=float), median, low, high)


def by_epoch(
    runs: Sequence[Run], value: Callable[[EpochRow], float | None], first: int = 0
) -> Curve:
    """The spread of `value` over the runs, from epoch `first` on; a diverged run ends early."""
    epochs = range(first, max(len(run.epochs) for run in runs))
    rows = [[run.epochs[epoch] for run in runs if epoch < len(run.epochs)] for epoch in epochs]
    return spread(
        [[number for row in group if (number := value(row)) is not None] for group in rows], epochs
    )


def segments(run: Run, epoch: int) -> list[BlockRow]:
    """The run's blocks after an epoch in the network's order, without the ReLUs between them."""
    rows = [
        row for row in run.blocks if row.epoch == epoch and not row.term.startswith("Pointwise(")
    ]
    return sorted(rows, key=lambda row: row.index)


def measured_epochs(run: Run) -> list[int]:
    """The epochs whose blocks were measured, ascending.

    Raises MissingRecordsError if there is none.
    """
    if not run.blocks:
        raise MissingRecordsError(
            f"no measured blocks of {run.config.run}: run `gradbound validate` again"
        )
    return sorted({row.epoch for row in run.blocks})


def pairs(rows: Iterable[BlockRow]) -> tuple[Floats, Floats]:
    """All gains, predicted and measured: (samples,) each; vanished samples are left out."""
    both = [
        (p, m)
        for row in rows
        for p, m in zip(row.predicted, row.measured, strict=True)
        if p is not None and m is not None
    ]
    predicted, measured = np.array(both, dtype=float).reshape(-1, 2).T
    return predicted, measured


def certainties(rows: Iterable[BlockRow]) -> list[str]:
    """The certainties of the rows' bounds, the weaker first.

    Raises InputError for one that figures cannot show.
    """
    found = {bound.certainty for row in rows for bound in row.bounds}
    if found - set(CERTAINTIES):
        raise InputError(
            f"certainty {min(found - set(CERTAINTIES))!r} is not drawn: add it to "
            "paper_figures.figures.select.CERTAINTIES"
        )
    return [word for word in CERTAINTIES if word in found]


def envelope(bounds: Iterable[BoundRow], samples: int) -> tuple[Gains, Gains]:
    """For each sample the greatest lower and the least upper of the bounds; None where there is
    none.
    """
    known = list(bounds)

    def sharpest(side: str, best: Callable[..., float | None]) -> Gains:
        values = [bound.value for bound in known if bound.side == side]
        columns = zip(*values, strict=True) if values else [()] * samples
        return tuple(best(alive(column), default=None) for column in columns)

    return sharpest("lower", max), sharpest("upper", min)


def of_class(row: BlockRow | EpochRow, cls: str) -> list[BoundRow]:
    """The bounds that hold for a class of losses, or for "every signal"."""
    return [
        bound
        for bound in row.bounds
        if bound.losses == cls
        or (cls == "every signal" and bound.id.removesuffix(f".{bound.side}") in EVERY_SIGNAL)
    ]


def alive(values: Gains) -> Iterator[float]:
    """The values that are not null."""
    return (value for value in values if value is not None)


def group_title(group: str) -> str:
    """A family as it is called everywhere; groups of families as they are."""
    return group if group in (WITHIN, ACROSS) else look(group).title
