"""Measures how much of the gradient survives in records, network by network.

A network stands for its runs by medians over seeds. Records of the second version hold what a step
of training sees; the first version has only ratios of single samples in eval mode.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

from validate.records.schema import BlockRow, EpochRow, Gains, Run

SEED = 2021
LOST = 1.0
"""The error of a run that diverged."""

START, END = "at initialization", "after training"
SEEN, SEEN_NEARNESS = (
    "end-to-end ratio as training sees it",
    "nearness to 1 of the ratio as training sees it",
)
RATIO, PER_BLOCK, WEAKEST, NEARNESS = (
    "end-to-end ratio",
    "mean gain per block",
    "least gain of a block",
    "nearness of the ratio to 1",
)
Measure = Callable[[Run], float | None]


@dataclass(frozen=True)
class Point:
    """A network, by medians over its runs."""

    family: str
    depth: int
    width: int
    runs: int
    survival: float
    error: float


def test_error(run: Run) -> float:
    """After the last epoch; LOST for a run that diverged."""
    error = run.epochs[-1].test_error
    return LOST if error is None else error


def as_training_sees_it(run: Run, when: str = START) -> float | None:
    """log₁₀ of ‖∂L/∂h₀‖ / ‖∂L/∂h_n‖ of one training batch in train mode.

    −∞ where nothing arrives, None where it was not measured, as in the first version of records.
    """
    row = _row(run, when)
    if row is None or row.total is None or row.version < 2:
        return None
    return math.log10(row.batch_ratio) if row.batch_ratio else -math.inf


def end_to_end(run: Run, when: str = START) -> float | None:
    """log₁₀ of the median over probe samples of ‖∂L/∂h₀‖ / ‖∂L/∂h_n‖.

    −∞ where nothing arrives, None where it was not measured.
    """
    row = _row(run, when)
    return None if row is None or row.total is None else _log_median(row.total.measured)


def per_block(run: Run, when: str = START) -> float | None:
    """log₁₀ of the geometric mean gain of a block, the ReLU after it included: the end-to-end ratio
    per number of blocks.
    """
    ratio, blocks = end_to_end(run, when), _blocks(run, when)
    return None if ratio is None or not blocks else ratio / len(blocks)


def least_gain(run: Run, when: str = START) -> float | None:
    """log₁₀ of the least median gain of a block."""
    return min((_log_median(block.measured) for block in _blocks(run, when)), default=None)


def nearness(
    run: Run, when: str = START, of: Callable[[Run, str], float | None] = end_to_end
) -> float | None:
    """−|log₁₀| of an end-to-end ratio: greatest where the gradient keeps its size, neither vanishes
    nor explodes.
    """
    ratio = of(run, when)
    return None if ratio is None else -abs(ratio)


MEASURES: Mapping[str, Measure] = {
    f"{name} {when}": partial(measure, when=when)
    for name, measure in (
        (SEEN, as_training_sees_it),
        (SEEN_NEARNESS, partial(nearness, of=as_training_sees_it)),
        (RATIO, end_to_end),
        (PER_BLOCK, per_block),
        (WEAKEST, least_gain),
        (NEARNESS, nearness),
    )
    for when in (START, END)
}


def primary(runs: Sequence[Run]) -> str:
    """The name of the ratio by which flow is judged: SEEN where every run has it, else RATIO.

    The version of the records decides it, no number in them.
    """
    return SEEN if all(run.config.version > 1 for run in runs) else RATIO


def measures(runs: Sequence[Run]) -> dict[str, Measure]:
    """Those of MEASURES that these records have, the primary one first."""
    seen = primary(runs) == SEEN
    return {
        name: measure
        for name, measure in MEASURES.items()
        if seen or not name.startswith((SEEN, SEEN_NEARNESS))
    }


def points(runs: Iterable[Run], measure: Measure) -> tuple[Point, ...]:
    """Every network of which each run has this measure, in order of appearance."""
    groups: defaultdict[tuple[str, int, int], list[Run]] = defaultdict(list)
    for run in runs:
        groups[run.config.family, run.config.depth, run.config.width].append(run)
    found = []
    for network, each in groups.items():
        values = [value for run in each if (value := measure(run)) is not None]
        if len(values) == len(each):
            found.append(Point(*network, len(each), median(values), median(map(test_error, each))))
    return tuple(found)


def _row(run: Run, when: str) -> EpochRow | None:
    """The first epoch, or the last with measured gradients: a run that diverged is measured before
    it did.
    """
    if when == START:
        return run.epochs[0]
    return next((row for row in reversed(run.epochs) if row.total is not None), None)


def _blocks(run: Run, when: str) -> list[BlockRow]:
    row = _row(run, when)
    return (
        []
        if row is None
        else [
            block
            for block in run.blocks
            if block.epoch == row.epoch and not block.term.startswith("Pointwise(")
        ]
    )


def median_gain(gains: Gains) -> float:
    """The median over the samples whose signal had not vanished; 0 where all had."""
    return median([gain for gain in gains if gain is not None] or [0.0])


def _log_median(gains: Gains) -> float:
    middle = median_gain(gains)
    return math.log10(middle) if middle > 0 else -math.inf
