"""The table of rankings: which of its lines are primary, and for which tests each is adjusted."""

from dataclasses import replace

import numpy as np
import pytest
from test_validate.drawn_results import DEPTHS, as_claimed, drawn, flow

from validate.statistics.correlation import SIGNIFICANT, Correlation
from validate.statistics.ranking import ACROSS, COEFFICIENT, POOLED, WITHIN, Row, ranking
from validate.statistics.survival import MEASURES, RATIO, SEEN, START

JUDGED = f"{SEEN} {START}"


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


def some_of_it_related():
    """Slopes that are clear, and ratios that have little to do with errors."""
    random = np.random.default_rng(3)
    return drawn(as_claimed, lambda *_: float(random.uniform(0.1, 10)))


@pytest.mark.parametrize("make", [lambda: drawn_at_random(5), some_of_it_related])
def test_the_primary_tests_are_adjusted_for_each_other_alone(make):
    found = ranking(make())
    first = [row for row in found.rows if row.primary]
    assert [(row.measure, row.found.coefficient, row.group) for row in first] == [
        (JUDGED, COEFFICIENT, WITHIN),
        (JUDGED, COEFFICIENT, ACROSS),
    ]
    slopes = found.trends.slopes.values()
    assert found.primary == (
        "slope of plain networks",
        "slope of residual networks",
        "ρ within families",
        "ρ over all networks",
    )
    adjusted = by_hand([each.p for each in slopes] + [row.found.p for row in first])
    assert [each.adjusted for each in slopes] + [row.adjusted for row in first] == pytest.approx(
        adjusted
    )
    assert {row.tests for row in first} == {4}


def test_what_is_pooled_beside_them_is_adjusted_together():
    found = ranking(drawn_at_random(5))
    others = [row for row in found.rows if row.group in POOLED and not row.primary]
    assert len(others) == found.secondary == len(MEASURES) * 4 - 2
    assert [row.adjusted for row in others] == pytest.approx(
        by_hand([row.found.p for row in others])
    )
    assert {row.tests for row in others} == {found.secondary}


def test_lines_of_a_single_family_are_not_adjusted_and_weaken_nothing():
    found = ranking(drawn(as_claimed, flow))
    alone = [row for row in found.rows if row.group not in POOLED]
    assert len(alone) == len(MEASURES) * len(DEPTHS) * 2
    assert {(row.adjusted, row.tests, row.primary, row.sign) for row in alone} == {
        (None, None, False, None)
    }
    assert all(str(row).endswith("not adjusted") for row in alone)


def test_a_family_with_networks_enough_is_a_primary_test():
    """Which of them are, their number decides and not what they show."""
    many = DEPTHS | {"plain": tuple(range(8, 44, 2))}
    for ratio in (flow, lambda *run: 1 / flow(*run)):
        found = ranking(drawn(as_claimed, ratio, many))
        assert found.primary[2:] == (
            "ρ of plain networks",
            "ρ within families",
            "ρ over all networks",
        )
        (row,) = [row for row in found.rows if row.primary and row.group == "plain"]
        assert (row.measure, row.tests) == (JUDGED, 5)


def test_the_first_version_is_ranked_by_what_it_has():
    """By the ratio of single samples, with no line of what training sees."""
    old = ranking(drawn(as_claimed, flow, version=1))
    assert old.judged == f"{RATIO} {START}"
    assert not [row for row in old.rows if "training sees" in row.measure]
    assert {row.measure for row in old.rows if row.primary} == {old.judged}
    new = ranking(drawn(as_claimed, flow))
    assert new.judged == JUDGED == new.rows[0].measure
    beside = [row for row in new.rows if row.measure == old.judged and row.group in POOLED]
    assert [row.found.value for row in beside] == [
        row.found.value for row in old.rows if row.measure == old.judged and row.group in POOLED
    ]


def test_slopes_that_are_not_there_are_no_tests():
    found = ranking(drawn(as_claimed, flow, {"dense": (10, 16, 22, 34), "se_residual": (8, 14)}))
    assert found.primary == ("ρ over all networks",)
    (row,) = [row for row in found.rows if row.primary]
    assert (row.adjusted, row.tests) == (row.found.p, 1)


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


@pytest.mark.parametrize(
    ("adjusted", "low", "sign"),
    [
        (SIGNIFICANT, 0.1, 1),
        (SIGNIFICANT + 1e-9, 0.1, None),
        (0.001, -0.1, None),
        (None, 0.1, None),
    ],
)
def test_a_sign_needs_a_small_p_value_and_an_interval_on_one_side(adjusted, low, sign):
    found = Correlation("Spearman", 9, 0.5, low, 0.9, 0.01, 0.001, exact=True)
    row = Row("gain", "within", found, adjusted)
    assert row.sign == sign
    assert str(row).endswith("not adjusted") is (adjusted is None)
