"""Rank correlations and exact p-values against brute force, and both against chance."""

import math
from dataclasses import astuple, replace
from itertools import combinations, permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, rankdata, spearmanr

from validate.statistics.correlation import (
    EXACT,
    LEAST,
    PERMUTATIONS,
    SYMBOLS,
    Correlation,
    correlate,
    partial_spearman,
)

VALUES = st.integers(-3, 3)
TABLES = st.lists(st.tuples(VALUES, VALUES), min_size=LEAST, max_size=EXACT - 1).filter(
    lambda rows: all(len(set(c)) > 1 for c in zip(*rows, strict=True))
)


def brute_kendall(x, y):
    """τ_b, pair by pair."""
    order = [
        (np.sign(x[i] - x[j]), np.sign(y[i] - y[j])) for i, j in combinations(range(len(x)), 2)
    ]
    untied = [sum(each[side] != 0 for each in order) for side in (0, 1)]
    return sum(a * b for a, b in order) / math.sqrt(untied[0] * untied[1])


def brute_spearman(x, y):
    """Pearson's correlation of mid-ranks, each counted."""
    ranks = [
        [sum(b < a for b in side) + sum(b == a for b in side) / 2 for a in side] for side in (x, y)
    ]
    return float(np.corrcoef(ranks)[0, 1])


BRUTE = {"Kendall": brute_kendall, "Spearman": brute_spearman}


def noise(networks, seed, slope=0.0):
    random = np.random.default_rng([networks, seed])
    x = random.standard_normal(networks)
    return np.stack((x, slope * x + random.standard_normal(networks)), axis=1)


@pytest.mark.parametrize("coefficient", SYMBOLS)
@given(rows=TABLES)
def test_coefficient_and_p_are_those_of_brute_force(coefficient, rows):
    x, y = zip(*rows, strict=True)
    found = correlate([np.array(rows, dtype=float)], coefficient, 0)
    brute = BRUTE[coefficient]
    value = brute(x, y)
    assert found.value == pytest.approx(value, abs=1e-12)
    if len(x) <= 5:
        permuted = [brute(x, each) for each in permutations(y)]
        assert found.exact
        assert found.p == pytest.approx(
            np.mean([abs(each) >= abs(value) - 1e-9 for each in permuted]), abs=1e-12
        )
        assert found.least_p == pytest.approx(
            np.mean([abs(each) >= max(map(abs, permuted)) - 1e-9 for each in permuted]), abs=1e-12
        )


@pytest.mark.parametrize("coefficient", SYMBOLS)
@given(
    first=TABLES.filter(lambda rows: len(rows) == LEAST),
    second=TABLES.filter(lambda rows: len(rows) == LEAST),
)
def test_the_test_within_families_permutes_each_by_itself(coefficient, first, second):
    strata = [np.array(rows, dtype=float) for rows in (first, second)]
    brute = BRUTE[coefficient]
    each = [[brute(points[:, 0], y) for y in permutations(points[:, 1])] for points in strata]
    value = (each[0][0] + each[1][0]) / 2
    found = correlate(strata, coefficient, 0)
    assert found.value == pytest.approx(value, abs=1e-12)
    assert found.p == pytest.approx(
        np.mean([abs(a + b) / 2 >= abs(value) - 1e-9 for a, b in product(*each)]), abs=1e-12
    )


@pytest.mark.parametrize("coefficient", SYMBOLS)
def test_drawn_permutations_agree_with_all_of_them(coefficient, monkeypatch):
    points = [noise(6, 3, slope=0.2), noise(5, 5, slope=0.2)]
    exact = correlate(points, coefficient, 0)
    monkeypatch.setattr("validate.statistics.correlation.EXACT", 4)
    drawn = correlate(points, coefficient, 0)
    assert (exact.exact, drawn.exact) == (True, False)
    assert 0.005 < exact.p < 0.5
    assert drawn.p == pytest.approx(exact.p, abs=4 * math.sqrt(exact.p / PERMUTATIONS))
    assert (drawn.value, drawn.low, drawn.high) == (exact.value, exact.low, exact.high)
    assert drawn.least_p == 1 / (1 + PERMUTATIONS)


def test_a_planted_correlation_is_found():
    for coefficient in SYMBOLS:
        for sign in (-1, 1):
            found = correlate([noise(19, 1, slope=sign * 3.0)], coefficient, 0)
            assert found.value * sign > 0.6
            assert min(found.low * sign, found.high * sign) > 0.3
            assert found.low <= found.value <= found.high
            assert found.p <= 0.001


@pytest.mark.parametrize("coefficient", SYMBOLS)
def test_drawn_permutations_count_the_order_that_was_seen(coefficient):
    """So a p-value is never 0, and its least is 1 / (1 + PERMUTATIONS) (Phipson & Smyth 2010)."""
    line = np.arange(2 * EXACT, dtype=float)
    found = correlate([np.stack((line, -line), axis=1)], coefficient, 0)
    assert not found.exact
    assert found.p == found.least_p == 1 / (1 + PERMUTATIONS)
    no_order = correlate([np.stack((line, abs(line - line.mean())), axis=1)], coefficient, 0)
    assert no_order.value == pytest.approx(0.0, abs=1e-12)
    assert no_order.p == 1.0


def test_a_correlation_says_its_numbers():
    found = Correlation("Kendall", 9, -0.5, -0.75, -0.25, 0.0123, 0.001, False)
    said = "τ = −0.50, 95 % interval −0.75 to −0.25, p = 0.012 (9,999 permutations), 9 networks"
    assert str(found) == said
    assert "no interval, p = 0.012 (exact)" in str(replace(found, low=None, high=None, exact=True))
    whole = replace(found, value=-1.0, low=-1.0, high=-1 + 1e-12)
    assert "τ = −1.00, no interval, p = " in str(whole)
    assert "interval −1.00 to −0.99" in str(replace(whole, high=-0.99))
    for lacking in (replace(found, value=None), replace(found, p=None)):
        assert str(replace(lacking, missing="too few")) == "not determinable: too few"


def test_between_families_is_not_within_them():
    """Two families apart, each with the opposite order inside: across ρ > 0, within ρ = −1."""
    strata = [
        np.array([(start + i, start - i) for i in range(5)], dtype=float) for start in (0.0, 100.0)
    ]
    within, across = (
        correlate(strata, "Spearman", 0),
        correlate([np.concatenate(strata)], "Spearman", 0),
    )
    assert within.value == pytest.approx(-1)
    assert within.p == pytest.approx(2 / 120**2)
    assert across.value == pytest.approx(spearmanr(np.concatenate(strata)).statistic)
    assert across.value > 0.3


def rejections(sizes, coefficient, trials, first=0):
    """How many of `trials` unrelated pairs of measures have p ≤ 0.05, and in how many the interval
    misses 0.
    """
    found = [
        correlate([noise(n, 1000 * k + first + t) for k, n in enumerate(sizes)], coefficient, t)
        for t in range(trials)
    ]
    return sum(each.p <= 0.05 for each in found), sum(
        not each.low <= 0 <= each.high for each in found
    )


@pytest.mark.parametrize("coefficient", SYMBOLS)
def test_an_absent_correlation_is_rejected_about_as_often_as_said(coefficient):
    """100 draws: at most 5 are expected.

    Beyond 13 has probability 3e-4. Five networks give p ≤ 0.05 in 2 of 120, four never.
    """
    rejected, missed = rejections((12,), coefficient, 100)
    assert rejected <= 13
    assert missed <= 15
    assert rejections((5,), coefficient, 100)[0] <= 8
    assert rejections((4,), coefficient, 20)[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("coefficient", SYMBOLS)
@pytest.mark.parametrize("sizes", [(12,), (19,), (5, 5, 5, 4), (7, 7)])
def test_the_level_is_that_stated(sizes, coefficient):
    """1000 draws, four standard errors of 0.0069: the test rejects in 5 %, no more; it is never far
    too shy; intervals cover in ≥ 92 %.
    """
    rejected, missed = rejections(sizes, coefficient, 1000, first=50_000)
    assert 20 <= rejected <= 78
    assert missed <= 80


def test_one_seed_gives_one_answer():
    points = [noise(12, 0)]
    assert (
        correlate(points, "Kendall", 1)
        == correlate(points, "Kendall", 1)
        != correlate(points, "Kendall", 2)
    )


@pytest.mark.parametrize(
    ("strata", "reason"),
    [
        ([], "there are no networks"),
        ([noise(LEAST - 1, 0)], f"needs {LEAST} networks, has {LEAST - 1}"),
        ([np.zeros((0, 2))], f"needs {LEAST} networks, has 0"),
        ([np.array([(1.0, i) for i in range(6)])], "one of the two measures does not vary"),
        ([np.array([(i, -math.inf) for i in range(6)])], "one of the two measures does not vary"),
    ],
)
def test_what_cannot_be_determined_is_said(strata, reason):
    for coefficient in SYMBOLS:
        found = correlate(strata, coefficient, 0)
        assert (found.value, found.low, found.high, found.p, found.least_p, found.exact) == (
            None,
        ) * 6
        assert found.missing == reason
        assert str(found) == f"not determinable: {reason}"


def test_a_family_that_says_nothing_is_left_out_and_named():
    found = correlate([noise(6, 0), np.ones((6, 2))], "Spearman", 0)
    assert found.value == correlate([noise(6, 0)], "Spearman", 0).value
    assert found.networks == 6
    assert found.missing == "1 of 2 families left out: one of the two measures does not vary"


@given(rows=TABLES)
def test_no_number_is_nan(rows):
    for coefficient in SYMBOLS:
        for number in astuple(correlate([np.array(rows, dtype=float)], coefficient, 0)):
            assert not isinstance(number, float) or math.isfinite(number)


def test_nothing_arriving_ranks_last():
    lost = np.array([(-math.inf, 9.0), (-math.inf, 8.0), (1.0, 3.0), (2.0, 2.0), (3.0, 1.0)])
    assert correlate([lost], "Spearman", 0).value == pytest.approx(
        brute_spearman([0, 0, 1, 2, 3], lost[:, 1])
    )
    assert correlate([lost], "Kendall", 0).value == pytest.approx(
        brute_kendall([0, 0, 1, 2, 3], lost[:, 1])
    )


def test_a_partial_correlation_is_that_of_what_a_line_leaves():
    random = np.random.default_rng(3)
    depth = random.integers(0, 6, 30).astype(float)
    points = random.standard_normal((30, 2)) + depth[:, None]
    z = rankdata(depth)
    left = [ranks - np.polyval(np.polyfit(z, ranks, 1), z) for ranks in map(rankdata, points.T)]
    value, p = partial_spearman(points, depth)
    assert value == pytest.approx(pearsonr(*left).statistic)
    assert abs(value) < spearmanr(*points.T).statistic
    # By the formula from the three pairwise coefficients.
    xy, xz, yz = (
        spearmanr(*pair).statistic
        for pair in (points.T, (points[:, 0], depth), (points[:, 1], depth))
    )
    assert value == pytest.approx((xy - xz * yz) / math.sqrt((1 - xz**2) * (1 - yz**2)))
    assert 0 < p < 1


def test_a_partial_correlation_rejects_as_often_as_it_says():
    """Of 400 pairs that follow a third alone 5 %, four standard errors."""
    random = np.random.default_rng(8)
    rejected = 0
    for _ in range(400):
        depth = random.standard_normal(16)
        points = random.standard_normal((16, 2)) + 2 * depth[:, None]
        rejected += partial_spearman(points, depth)[1] < 0.05
    assert rejected / 400 == pytest.approx(0.05, abs=4 * (0.05 * 0.95 / 400) ** 0.5)


@pytest.mark.parametrize(
    "points", [np.zeros((0, 2)), np.arange(8.0).reshape(4, 2), np.zeros((9, 2))]
)
def test_too_little_has_no_partial_correlation(points):
    assert partial_spearman(points, np.arange(float(len(points)))) is None


def test_measures_that_are_the_third_have_nothing_left():
    line = np.arange(9.0)
    assert partial_spearman(np.column_stack((line, line)), line) is None
