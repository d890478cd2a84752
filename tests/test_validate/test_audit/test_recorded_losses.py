"""What records guarantee whatever the loss is the least of them, rounded down, and no verdict."""

from dataclasses import replace

import pytest
from test_validate.audited import gathered, judged
from test_validate.drawn_results import as_claimed, drawn, flow

from validate.audit.recorded_losses import Arrives, arrives, said
from validate.records.read import read_results
from validate.records.schema import BoundRow, Results

NONE = drawn(as_claimed, flow, {"residual": (8,), "dense": (10,), "plain": (8,)}, (0,))


def bound(cls: str, side: str, value: tuple[float | None, ...]) -> BoundRow:
    return BoundRow(
        id=f"every_loss.{cls}", side=side, certainty="exact", delta=None, value=value,
        violations=0, tightness=None,
    )  # fmt: skip


def bounded(soft: float, hard: float | None = 0.75, whole: float = 0.25) -> Results:
    """A bound on the second block after training of the residual network, and end to end."""
    made = (
        bound("shift_invariant", "lower", (soft, 0.9)), bound("shift_invariant", "upper", (0.1, 2)),
        bound("labels", "lower", (hard, 0.8)), bound("labels", "upper", (None, 0.1)),
    )  # fmt: skip

    def with_bounds(run):
        if run.config.family != "residual":
            return run
        ends = (bound("shift_invariant", "lower", (whole, None)),)
        epochs = (run.epochs[0], run.epochs[1].model_copy(update={"bounds": ends}))
        blocks = [
            row.model_copy(update={"bounds": made}) if (row.epoch, row.index) == (1, 1) else row
            for row in run.blocks
        ]
        return replace(run, epochs=epochs, blocks=tuple(blocks))

    return replace(NONE, runs=tuple(map(with_bounds, NONE.runs)))


def test_the_least_lower_bound_counts_and_no_upper_one():
    assert arrives(bounded(0.5), ("residual",)) == (
        Arrives("shift_invariant", 0.5, 0.25, 1, 2, 0),
        Arrives("labels", 0.75, None, 1, 2, 0),
    )
    assert arrives(bounded(0.5, None), ("residual",))[1] == Arrives("labels", 0.8, None, 1, 1, 1)


@pytest.mark.parametrize("results", [None, NONE])
def test_without_bounds_there_is_no_line(results):
    assert arrives(results, ("residual", "dense")) == ()
    assert said((), "networks") == []
    assert arrives(bounded(0.5), ("dense",)) == ()


def test_shares_are_rounded_down_and_what_has_no_bound_is_said():
    (line,) = said(arrives(bounded(0.4999, None, 0.02999), ("residual",)), "residual networks")
    assert "for every shift-invariant loss at least 49 % in every block and 2.9 % from end" in line
    assert "for cross-entropy with every hard label at least 80 % in every block" in line
    (line,) = said(arrives(bounded(0.9, 0.4), ("residual",)), "residual networks")
    assert "hard label at least 40 % in every block" in line
    (line,) = said((Arrives("labels", 0.0, 0.0, 3, 70, 2),), "dense networks")
    assert "at least 0 % in every block" in line
    assert "2 more have no bound" in line


@pytest.mark.parametrize(("claim", "fields"), [
    ("C5", ("recorded",)), ("C15", ("recorded_dense", "recorded_residual")),
])  # fmt: skip
def test_the_line_is_evidence_and_changes_no_verdict(claim, fields):
    evidence = gathered(claim)
    before = judged(claim)
    assert "recorded" not in before.summary
    for share in (0.5, 0.0):
        found = arrives(bounded(share), ("residual",))
        after = judged(claim, replace(evidence, **dict.fromkeys(fields, found)))
        assert after.summary.count("in 1 recorded") == len(fields)
        assert f"at least {100 * share:g} % in every block" in after.summary
        assert (after.verdict, after.condition) == (before.verdict, before.condition)
        assert after.counterexample == before.counterexample


def test_a_run_has_what_its_blocks_say(finished):
    results = read_results(finished)
    for family in ("residual", "dense"):
        (run,) = (run for run in results.runs if run.config.family == family)
        soft, hard = arrives(results, (family,))
        lower = [
            value
            for row in run.blocks
            for each in row.bounds
            if (each.id, each.side) == ("every_loss.labels", "lower")
            for value in each.value
            if value is not None
        ]
        assert (hard.least, hard.checks, hard.networks) == (min(lower), len(lower), 1)
        assert 0 <= soft.least <= hard.least
