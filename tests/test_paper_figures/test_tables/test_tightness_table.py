"""The table of tightness holds the medians and shares of the records, class by class."""

from dataclasses import replace

import pytest
from test_paper_figures.columns import cells
from test_paper_figures.with_every_loss import with_every_loss

from paper_figures.figures.select import MissingRecordsError
from paper_figures.tables.tightness_table import tightness
from validate.records.schema import BoundRow, Results


def found(results: Results) -> dict[tuple[object, ...], list[object]]:
    """The numbers of every row by its words."""
    return {row[:4]: list(row[4:]) for row in tightness(results).rows}


def test_medians_are_those_of_every_class_before_and_after_training(results: Results) -> None:
    made = with_every_loss(results)
    table = tightness(made)
    assert list(dict.fromkeys(cells(table, "family"))) == [
        "plain", "residual", "SE residual", "dense",
    ]  # fmt: skip
    rows = found(made)
    for family in ("plain", "residual"):
        for when in ("before training", "after training"):
            for part in ("block", "network"):
                soft = rows[family, when, part, "every shift-invariant loss"]
                hard = rows[family, when, part, "every hard label"]
                assert soft[1:] == pytest.approx([2.0, 2.0, 0.0, 0.0])
                assert hard[1:] == pytest.approx([1.1, 1.1, 0.0, 0.0])
    uniform = rows["residual", "before training", "block", "every signal"]
    # In these records their lower bounds are 0: nothing of every signal is sure to arrive.
    assert (uniform[2], uniform[3], uniform[4]) == ("∞", 100.0, 0.0)
    runs = [run for run in made.runs if run.config.family == "residual"]
    blocks = [row for run in runs for row in run.blocks if row.epoch == 0]
    assert uniform[0] == sum(len(row.measured) for row in blocks)
    # One sample of each block was left out, and is no bound that says nothing.
    assert rows["residual", "before training", "block", "every hard label"][0] == sum(
        len(row.measured) - 1 for row in blocks
    )


def test_bounds_that_say_nothing_are_counted(results: Results) -> None:
    def weakened(bound: BoundRow) -> BoundRow:
        if bound.losses != "labels":
            return bound
        known = [value for value in bound.value if value is not None]
        values = [0.0 if bound.side == "lower" else None, *known[1:]]
        gap = bound.value.index(None)
        values.insert(gap, None)
        return bound.model_copy(update={"value": tuple(values)})

    made = with_every_loss(results)
    runs = tuple(
        replace(
            run,
            blocks=tuple(
                row.model_copy(update={"bounds": tuple(map(weakened, row.bounds))})
                for row in run.blocks
            ),
        )
        for run in made.runs
    )
    hard = found(replace(made, runs=runs))["dense", "after training", "block", "every hard label"]
    assert hard[3:] == pytest.approx([100 / 3, 100 / 3])
    assert hard[1:3] == pytest.approx([1.1, 1.1])


def test_records_without_bounds_for_every_loss_have_no_such_table(results: Results) -> None:
    with pytest.raises(MissingRecordsError, match=r"no bounds for every loss in .*validate"):
        tightness(results)
