"""Tabulates what was measured, beside what was predicted: networks, bounds and limits."""

from collections import defaultdict

import numpy as np

from paper_figures.drawing.style import LOOKS, look
from paper_figures.figures.agreement import BoundName, ratios
from paper_figures.figures.select import MissingRecordsError, alive, depths, families, runs_of
from paper_figures.tables.table import Cell, Column, Table, certainty
from validate.records.schema import BlockRow, EpochRow, Results, Run, VanishingRow
from validate.statistics.kinds_of_check import OF_THE_CODE
from validate.statistics.summary import summarize

END_TO_END = ", end to end"
"""Behind the name of a bound on a whole network."""


def networks(results: Results) -> Table:
    """Per family and depth: final errors, and how prediction and measurement compare."""
    rows = [
        _network_row(family, depth, runs_of(results, family, depth))
        for family in families(results)
        for depth in depths(results, family)
    ]
    columns = (
        Column("network"), Column("parameters", ","), Column("seeds"),
        Column("training error (%)", ".1f"), Column("test error (%)", ".1f"),
        Column("bound checks", ","), Column("violations", ","), Column("gains checked", ","),
        Column("largest identity error", ".1e"), Column("largest telescoping error", ".1e"),
    )  # fmt: skip
    caption = (
        "Networks after their last epoch (medians over the seeds); bounds and identities are "
        f"counted over every recorded epoch and are {OF_THE_CODE}."
    )
    return Table(caption, columns, tuple(rows))


def _network_row(family: str, depth: int, runs: list[Run]) -> tuple[Cell, ...]:
    summary = summarize(
        (block for run in runs for block in run.blocks),
        (epoch for run in runs for epoch in run.epochs),
    )
    last = [run.epochs[-1] for run in runs]
    errors = (tuple(row.train_error for row in last), tuple(row.test_error for row in last))
    finals = ([100 * value for value in alive(values)] for values in errors)
    medians = (float(np.median(values)) if values else None for values in finals)
    checks = (
        summary.bound_checks,
        summary.violations,
        summary.identity_checks,
        summary.identity_error,
        summary.total_error,
    )
    name = f"{look(family).title}-{depth}"
    return (name, runs[0].config.parameters, len(runs), *medians, *checks)


def bounds(results: Results) -> Table:
    """Per bound: its certainty, how often it was checked and violated, and how tight it is."""
    columns = (
        Column("bound"), Column("side"), Column("certainty"), Column("checks", ","),
        Column("say nothing", ","), Column("violations", ","), Column("measured / bound", ".3g"),
    )  # fmt: skip
    counts: defaultdict[BoundName, list[int]] = defaultdict(lambda: [0, 0, 0])
    every: list[tuple[BlockRow | EpochRow, str]]
    every = [(block, "") for run in results.runs for block in run.blocks]
    every += [(epoch, END_TO_END) for run in results.runs for epoch in run.epochs]
    for bound, where in ((bound, where) for row, where in every for bound in row.bounds):
        count = counts[BoundName(bound.id + where, bound.side, bound.certainty, bound.delta)]
        count[0] += bound.checks
        count[1] += bound.value.count(0) if bound.side == "lower" else 0
        count[2] += bound.violations
    tightness = {name: float(np.median(values)) for name, values in ratios(results).items()}
    rows = []
    for name in sorted(counts, key=lambda name: (name.id, name.certainty)):
        word = certainty(name.certainty, name.delta)
        # A bound that is 0 in every sample has no tightness; of whole networks see table_tightness.
        rows.append((name.theorem, name.side, word, *counts[name], tightness.get(name)))
    if not rows:
        raise MissingRecordsError(
            f"no bounds in the records of {results.folder}: run `gradbound validate` again"
        )
    caption = (
        f"Bounds held against autograd ({OF_THE_CODE}: they hold for any weights). Checks against "
        "a lower bound of 0 say nothing. The last column is a median over all samples where the "
        "bound is above zero."
    )
    return Table(caption, columns, tuple(rows))


def limits(results: Results) -> Table:
    """Per family and number of inputs: the limit for ε → 0, as predicted and as measured.

    Measured at the least ε > 0 and at 0.
    """
    smallest = min((row.epsilon for row in results.vanishing if row.epsilon > 0), default=None)
    rows = []
    for family, inputs in sorted({_block(row) for row in results.vanishing}, key=_in_order):
        same = [row for row in results.vanishing if _block(row) == (family, inputs)]
        seen = [
            [row.measured for row in same if row.epsilon == epsilon] for epsilon in (smallest, 0.0)
        ]
        medians = (float(np.median(values)) if values else None for values in seen)
        rows.append((look(family).title, inputs, same[0].predicted, *medians))
    if not rows:
        raise MissingRecordsError(
            f"no vanishing-branch rows in {results.folder}: run `gradbound validate` again"
        )
    columns = (
        Column("block"), Column("inputs l"), Column("predicted limit", ".6f"),
        Column(f"measured, ε = {smallest or 0:g}", ".6f"), Column("measured, ε = 0", ".6f"),
    )  # fmt: skip
    caption = (
        "What is left of the gradient, ‖∂L/∂x‖ / r, when the branch is scaled by ε: medians over "
        f"the seeds. At ε = 0 these are {OF_THE_CODE}."
    )
    return Table(caption, columns, tuple(rows))


def _block(row: VanishingRow) -> tuple[str, int]:
    return row.family, row.inputs


def _in_order(block: tuple[str, int]) -> tuple[int, int]:
    """The paper's order of families, then the number of inputs."""
    look(block[0])  # refuses an unknown family by name
    return list(LOOKS).index(block[0]), block[1]
