"""The table of rankings: which of its lines are primary, and for which tests each is adjusted."""

from dataclasses import replace

import numpy as np
import pytest
from test_validate.drawn_results import DEPTHS, as_claimed, drawn, flow

from validate.statistics.correlation import Correlation
from validate.statistics.ranking import ACROSS, POOLED, WITHIN, Row, ranking
from validate.statistics.survival import MEASURES, RATIO, SEEN, START

FIRST = f"{SEEN} {START}"


def by_hand(p_values):
    """Holm 1979: of k sorted p-values the i-th times k − i, never less than one before it."""
    order = np.argsort(p_values)
    scaled = np.array(p_values)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return adjusted


def drawn_at_random(seed):
    """Errors and ratios that have nothing to do with each other."""
    random = np.random.default_rng(seed)
    return drawn(
        lambda *_: float(random.uniform(0.1, 0.2)), lambda *_: float(random.uniform(0.1, 10))
    )


def test_pooled_lines_are_adjusted_for_each_other():
    found = ranking(drawn_at_random(5))
    pooled = [row for row in found.rows if row.group in POOLED]
    assert len(pooled) == found.tests == len(MEASURES) * 4
    assert [row.adjusted for row in pooled] == pytest.approx(
        by_hand([row.found.p for row in pooled])
    )


def test_lines_of_a_single_family_are_not_adjusted_and_weaken_nothing():
    found = ranking(drawn(as_claimed, flow))
    alone = [row for row in found.rows if row.group not in POOLED]
    assert len(alone) == len(MEASURES) * len(DEPTHS) * 2
    assert {row.adjusted for row in alone} == {None}
    assert all(str(row).endswith("not adjusted") for row in alone)


def test_the_first_version_is_ranked_by_what_it_has():
    """By the ratio of single samples, with no line of what training sees."""
    old = ranking(drawn(as_claimed, flow, version=1))
    assert old.first == f"{RATIO} {START}"
    assert not [row for row in old.rows if "training sees" in row.measure]
    new = ranking(drawn(as_claimed, flow))
    assert new.first == FIRST == new.rows[0].measure
    beside = [row for row in new.rows if row.measure == old.first and row.group in POOLED]
    assert [row.found.value for row in beside] == [
        row.found.value for row in old.rows if row.measure == old.first and row.group in POOLED
    ]


def test_what_flow_and_error_owe_to_depth_is_taken_away():
    """Both follow depth alone, and noise of their own: given depth nothing is left."""
    random = np.random.default_rng(2)

    def of_depth(family, depth, seed):
        return depth / 100 + 0.01 * float(random.uniform())

    found = ranking(drawn(of_depth, of_depth, seeds=(0,)))
    (across,) = [
        row
        for row in found.rows
        if (row.measure, row.group, row.found.coefficient) == (FIRST, ACROSS, "Spearman")
    ]
    rho, p = found.given_depth
    assert across.found.value > 0.9
    assert abs(rho) < 0.5
    assert p > 0.05


def test_what_was_not_measured_is_no_line_with_a_number():
    results = drawn(as_claimed, flow)
    run = results.runs[0]
    bare = replace(
        run, blocks=(), epochs=tuple(row.model_copy(update={"total": None}) for row in run.epochs)
    )
    rows = ranking(replace(results, runs=(bare,))).rows
    assert {row.found.value for row in rows} == {row.adjusted for row in rows} == {None}
    assert all(row.found.missing for row in rows)


def test_within_families_needs_two_that_say_something():
    depths = {"plain": (8, 14, 20, 32), "residual": (8, 14)}
    rows = {
        (row.measure, row.group): row
        for row in ranking(drawn(as_claimed, flow, depths)).rows
        if row.found.coefficient == "Spearman"
    }
    assert (
        rows[next(iter(MEASURES)), WITHIN].found.missing
        == "needs 2 families with networks enough, has 1"
    )
    assert rows[next(iter(MEASURES)), ACROSS].found.networks == 6
    assert rows[next(iter(MEASURES)), ACROSS].found.value == pytest.approx(-1)


def test_a_ranking_is_computed_once():
    """For records that were read anew too.

    Other numbers and other seeds have a ranking of their own.
    """

    def better(family, depth, seed):
        return as_claimed(family, depth, seed) / (2 if (family, depth) == ("plain", 44) else 1)

    first = ranking(drawn(better, flow)).rows
    assert ranking(drawn(better, flow)).rows is first
    others = ranking(drawn(better, flow), seed=1), ranking(drawn(as_claimed, flow))
    assert len({first, *(each.rows for each in others)}) == 3


@pytest.mark.parametrize("adjusted", [0.04, None])
def test_a_line_says_whether_it_is_adjusted(adjusted):
    found = Correlation("Spearman", 9, 0.5, 0.1, 0.9, 0.01, 0.001, exact=True)
    row = Row("gain", "within", found, adjusted)
    assert str(row).endswith("not adjusted") is (adjusted is None)
    assert ("p = 0.04 adjusted" in str(row)) is (adjusted is not None)
