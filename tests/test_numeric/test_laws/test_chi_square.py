"""Generalized chi-squares: closed forms, simulation, batches, and refusals."""

import numpy as np
import pytest
from scipy.stats import expon, kstest, ncx2, norm

from derivations.errors import InputError
from numeric.laws.chi_square import GeneralizedChiSquare

LEVELS = np.linspace(0.001, 0.999, 21)


def single(
    dof: float, noncentrality: float, weight: float = 1.0, shift: float = 0.0
) -> GeneralizedChiSquare:
    return GeneralizedChiSquare(shift, [weight], [dof], [weight * noncentrality])


@pytest.mark.parametrize("noncentrality", [0, 1e-9, 2, 40])
@pytest.mark.parametrize("parts", [(1,), (1, 1), (3, 1, 4), (16, 16)])
def test_equal_weights_are_one_noncentral_chi_square(parts, noncentrality):
    law = GeneralizedChiSquare(
        0.0, np.full(len(parts), 2.5), parts, np.full(len(parts), 2.5 * noncentrality / len(parts))
    )
    q = 2.5 * ncx2.ppf(LEVELS, sum(parts), noncentrality)
    assert np.allclose(law.cdf(q), LEVELS, atol=1e-9)
    assert np.allclose(law.sf(q), 1 - LEVELS, atol=1e-9)
    assert np.allclose(law.ppf(LEVELS, 1e-9), q, rtol=1e-6)


def test_two_degrees_of_freedom_are_exponential():
    q = expon.ppf(LEVELS)
    assert np.allclose(single(2, 0, 0.5).cdf(q), LEVELS, atol=1e-12)


@pytest.mark.parametrize("a", [0.0, 0.7, 30.0])
def test_one_degree_of_freedom_is_a_squared_normal(a):
    q = np.linspace(0.01, (a + 4) ** 2, 50)
    expected = norm.cdf(np.sqrt(q) - a) - norm.cdf(-np.sqrt(q) - a)
    assert np.allclose(single(1, a**2).cdf(q, 1e-9), expected, rtol=0, atol=1.1e-9)


@pytest.mark.parametrize(("first", "second"), [(1.0, 0.3), (1.0, 0.05), (5.0, 4.9)])
def test_two_exponentials_have_a_closed_form(first, second):
    law = GeneralizedChiSquare(0.0, [first / 2, second / 2], [2, 2], [0, 0])
    q = np.linspace(0.01, 8 * first, 60)
    expected = 1 - (first * np.exp(-q / first) - second * np.exp(-q / second)) / (first - second)
    values, errors = law.enclose(q, 1e-9)
    assert (np.abs(values - expected) <= errors + 1e-13).all()


def test_shift_and_scale_move_the_law():
    law = GeneralizedChiSquare(3.0, [1.0, 0.4], [4, 3], [0.5, 2.0])
    q = np.linspace(4, 30, 20)
    moved = GeneralizedChiSquare(0.0, law.weights, law.dofs, law.squares)
    assert np.allclose(law.cdf(q), moved.cdf(q - 3), atol=1e-12)
    assert np.allclose(law.scaled(7.0).cdf(7 * q), law.cdf(q), atol=1e-9)
    assert law.scaled(7.0).mean == pytest.approx(7 * law.mean)
    assert law.scaled(7.0).variance == pytest.approx(49 * law.variance)
    assert law.cdf(2.99) == 0


def test_zero_weights_are_constants():
    law = GeneralizedChiSquare(1.0, [2.0, 0.0, 0.0], [3, 5, 1], [0.5, 0.25, 4.0])
    assert law.shift == 5.25
    assert np.allclose(
        law.cdf(np.array([7.0, 20.0])),
        ncx2.cdf((np.array([7.0, 20.0]) - 5.25) / 2, 3, 0.25),
        atol=1e-10,
    )


def test_a_law_without_randomness_is_a_point():
    law = GeneralizedChiSquare([1.0, 2.0], [[0.0], [0.0]], [[4], [0]], [[3.0], [0.0]])
    assert (law.cdf([[3.99, 1.99], [4.0, 2.0]]) == [[0, 0], [1, 1]]).all()
    assert (law.ppf(0.5) == [4.0, 2.0]).all()
    assert (law.variance == 0).all()
    assert law.hidden().all()


@pytest.mark.parametrize("noncentrality", [600, 1.5e4, 1e8, 1e12, 1e15])
@pytest.mark.parametrize("dof", [1, 16])
def test_a_huge_noncentrality_is_nearly_normal(dof, noncentrality):
    """SciPy's ncx2 slows down and then returns NaN; the cubic correction to the normal is O(1/√λ)
    with a known constant.
    """
    law = single(dof, noncentrality)
    z = np.linspace(-3, 3, 13)
    values, errors = law.enclose(law.mean + z * np.sqrt(law.variance))
    skewness = 8 * (dof + 3 * noncentrality) / law.variance**1.5
    expected = norm.cdf(z) - skewness / 6 * (z**2 - 1) * norm.pdf(z)
    assert np.isfinite(values).all()
    assert np.allclose(values, expected, atol=3 / noncentrality + errors.max())
    if noncentrality < 1e9:
        assert np.allclose(
            values, ncx2.cdf(law.mean + z * np.sqrt(law.variance), dof, noncentrality), atol=1e-9
        )


@pytest.mark.parametrize(
    ("weights", "dofs", "squares"),
    [
        ([1, 0.3], [1, 1], [0, 0]),
        ([1, 1e-3], [1, 1], [0, 0.1]),
        ([1, 0.2, 0.05], [1, 2, 3], [3, 0, 0.5]),
        (list(10.0 ** -np.arange(7)), [3] * 7, [0] * 7),
        ([1, 1e-4], [20, 5], [1e6, 30]),
        (list(np.linspace(0.01, 1, 40)), [2] * 40, [0.1] * 40),
    ],
)
def test_simulated_draws_follow_the_law(weights, dofs, squares):
    law = GeneralizedChiSquare(0.7, weights, dofs, squares)
    draws = law.sample(20_000, np.random.default_rng(4))
    assert kstest(law.cdf(draws), "uniform").pvalue > 1e-3
    assert draws.mean() == pytest.approx(law.mean, abs=5 * np.sqrt(law.variance / 20_000))
    assert draws.var() == pytest.approx(law.variance, rel=0.1)


def test_a_wrong_law_is_noticed():
    draws = GeneralizedChiSquare(0.0, [1, 0.3], [6, 6], [0, 1]).sample(
        20_000, np.random.default_rng(4)
    )
    for wrong in (
        GeneralizedChiSquare(0.0, [1, 0.3], [6, 5], [0, 1]),
        GeneralizedChiSquare(0.0, [1, 0.3], [6, 6], [0, 0]),
        GeneralizedChiSquare(0.5, [1, 0.3], [6, 6], [0, 1]),
        GeneralizedChiSquare(0.0, [1, 0.35], [6, 6], [0, 1]),
    ):
        assert kstest(wrong.cdf(draws), "uniform").pvalue < 1e-3


def test_quantiles_invert_probabilities_over_a_batch():
    rng = np.random.default_rng(2)
    law = GeneralizedChiSquare(
        rng.random(30), rng.random((30, 5)), rng.integers(1, 8, (30, 5)), 3 * rng.random((30, 5))
    )
    p = np.array([[0.01], [0.3], [0.9]])
    q = law.ppf(p)
    assert q.shape == (3, 30)
    assert np.allclose(law.cdf(q), p, atol=1e-6)
    low, high = law.interval(0.8)
    assert np.allclose(law.cdf(high) - law.cdf(low), 0.8, atol=3e-6)


def test_a_batch_is_its_laws_one_by_one():
    rng = np.random.default_rng(7)
    weights = rng.random((12, 4)) * rng.integers(0, 2, (12, 4))
    law = GeneralizedChiSquare(
        rng.random(12), weights, rng.integers(1, 5, (12, 4)), rng.random((12, 4))
    )
    q = law.mean + 0.3
    one_by_one = [law.where(np.arange(12) == i).cdf(q[i])[0] for i in range(12)]
    assert np.allclose(law.cdf(q), one_by_one, atol=2e-6)


@pytest.mark.parametrize("same", [True, False])
def test_a_sum_over_the_batch_is_the_law_of_the_sum(same):
    rng = np.random.default_rng(3)
    weights = np.broadcast_to(rng.random((2, 1, 3)), (2, 4, 3)) if same else rng.random((2, 4, 3))
    law = GeneralizedChiSquare(
        rng.random((2, 4)), weights, rng.integers(1, 4, (2, 4, 3)), rng.random((2, 4, 3))
    )
    total = law.sum_over(1)
    assert total.weights.shape == (2, 3 if same else 12)
    draws = law.sample(20_000, rng).sum(2)
    for i in range(2):
        assert (
            kstest(total.where(np.arange(2) == i).cdf(draws[:, i, None])[:, 0], "uniform").pvalue
            > 1e-3
        )
    with pytest.raises(InputError, match="axis"):
        law.sum_over(2)


def test_the_error_bound_is_enforced():
    with pytest.raises(InputError, match="are uncertain by"):
        GeneralizedChiSquare(0.0, [1.0, 1e-12], [1, 1], [0, 1]).cdf(1.001)
    with pytest.raises(InputError, match="are uncertain by"):
        single(4, 1e25).ppf(0.5)
    laws = GeneralizedChiSquare(
        [0, 0, 0, 1e12], [[1.0, 1e-12], [1.0, 0.1], [0.0, 0.0], [1e-6, 0.0]], [1, 1], [0, 1]
    )
    assert laws.answerable().tolist() == [False, True, False, False]
    narrow = GeneralizedChiSquare(1e12, [1e-6], [3], [0.0])
    assert narrow.hidden()
    with pytest.raises(InputError, match="rounding of its shift"):
        narrow.cdf(1e12)
    with pytest.raises(InputError, match="are uncertain by"):
        single(4, 1e25).cdf(1e25)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((0.0, [-1.0], [1], [0]), "weights"),
        ((0.0, [np.nan], [1], [0]), "weights"),
        ((-1.0, [1.0], [1], [0]), "shift"),
        ((0.0, [1.0], [1.5], [0]), "integers"),
        ((0.0, [1.0], [0], [2]), "the mean must be 0"),
        ((0.0, [1.0], [1], [np.inf]), "squares"),
    ],
)
def test_what_is_no_chi_square_is_refused(arguments, word):
    with pytest.raises(InputError, match=word):
        GeneralizedChiSquare(*arguments)


def test_meaningless_questions_are_refused():
    law = single(3, 1)
    for p in (0.0, 1.0, np.nan):
        with pytest.raises(InputError, match="probability"):
            law.ppf(p)
    for tolerance in (0.0, 1.0, np.nan):
        with pytest.raises(InputError, match="tolerance"):
            law.cdf(1.0, tolerance)
    for q in (np.nan, np.inf):
        with pytest.raises(InputError, match="quantile"):
            law.cdf(q)
