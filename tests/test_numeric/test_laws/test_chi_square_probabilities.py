"""Each law by the method that suits it: they agree where several do, and a batch mixes them."""

import numpy as np
import pytest
from scipy.stats import chi2, ncx2

from derivations.errors import InputError
from numeric.laws import chi_square_probabilities
from numeric.laws.characteristic_inversion import Components
from numeric.laws.chi_square import GeneralizedChiSquare
from numeric.laws.chi_square_probabilities import Probabilities, answerable, crossing

LEVELS = np.linspace(0.001, 0.999, 21)


def single(
    dof: float, noncentrality: float, weight: float = 1.0, shift: float = 0.0
) -> GeneralizedChiSquare:
    return GeneralizedChiSquare(shift, [weight], [dof], [weight * noncentrality])


def test_nearly_equal_weights_of_an_eigenvalue_solver_are_one():
    law = GeneralizedChiSquare(0.0, 1 + 1e-15 * np.arange(3), np.ones(3), np.zeros(3))
    assert np.allclose(law.cdf(chi2.ppf(LEVELS, 3)), LEVELS, atol=1e-10)


def test_scipy_is_as_accurate_as_stated(monkeypatch):
    for dof, noncentrality in [(1, 300), (3, 490), (8, 0), (8, 0.1), (64, 10), (2048, 490)]:
        law = single(dof, noncentrality)
        q = ncx2.ppf(LEVELS, dof, noncentrality)
        by_scipy = law.cdf(q)
        monkeypatch.setattr(chi_square_probabilities, "SCIPY_NONCENTRALITY", -1.0)
        values, errors = law.enclose(q, 1e-11)
        monkeypatch.undo()
        assert (np.abs(values - by_scipy) <= errors + 1e-12).all()


def components(*parts: tuple[list[float], list[float], list[float]]) -> Components:
    return Components(*(np.array(each, float) for each in zip(*parts, strict=True)))


MIXED = components(
    ([0, 0], [0, 0], [0, 0]),  # a point
    ([1, 0.0], [3, 0], [0.5, 0]),  # one noncentral chi-square, SciPy's
    ([1, 0.0], [3, 0], [2000.0, 0]),  # one of a noncentrality beyond SciPy's
    ([1, 0.9], [40, 40], [3, 1]),  # the inversion on the real axis
    ([1, 0.01], [1, 1], [0, 0.1]),  # few degrees of freedom: the hyperbola
)


def test_a_batch_takes_every_method_and_says_of_each_law_what_it_says_alone():
    shift, unit = np.arange(5.0), np.array([1.0, 2.0, 0.5, 3.0, 1.0])
    together = Probabilities(shift, unit, MIXED, 1e-8)
    kinds = {type(part.function).__name__ for part in together.parts}
    assert "_FewDegrees" in kinds
    assert sorted(law for part in together.parts for law in part.laws) == list(range(5))
    q = shift + unit * MIXED.mean * np.array([[0.5], [1.0], [1.5]])
    values, errors = together.evaluate(q)
    assert errors.max() <= 1e-8
    for law in range(5):
        one = np.array([law])
        alone, error = Probabilities(shift[one], unit[one], MIXED.take(one), 1e-8).evaluate(
            q[:, one]
        )
        assert (np.abs(values[:, one] - alone) <= errors[:, one] + error).all()


def test_a_quantile_has_its_probability():
    laws = Probabilities(np.arange(4.0), np.ones(4), MIXED.take(np.arange(1, 5)), 1e-8)
    p = np.array([[0.02], [0.5], [0.98]]).repeat(4, 1)
    quantiles, errors = laws.invert(p)
    assert errors.max() <= 1e-8
    assert np.allclose(laws.evaluate(quantiles)[0], p, rtol=0, atol=3e-8)


def test_only_a_nearly_constant_part_beside_few_degrees_of_freedom_is_not_answerable():
    hard = components(([1, 1e-12], [1, 1], [0, 1]), ([1, 1e-12], [60, 60], [0, 1]))
    assert answerable(hard, 1e-6).tolist() == [False, True]
    assert answerable(MIXED.take(np.arange(1, 5)), 1e-6).all()


@pytest.mark.parametrize("power", [1, 3, 9])
def test_a_crossing_is_found_in_a_dozen_evaluations_where_halving_takes_many(power):
    calls = 0

    def function(q):
        nonlocal calls
        calls += 1
        return q**power, np.zeros_like(q)

    target = np.array([[1e-9, 0.3, 0.999]])
    found = crossing(function, target, np.zeros((1, 3)), np.ones((1, 3)))
    assert found == pytest.approx(target ** (1 / power), rel=1e-12)
    assert calls <= 40


def test_a_crossing_at_a_jump_is_the_jump():
    target = np.full((1, 2), 0.5)
    found = crossing(
        lambda q: ((q >= 0.3).astype(float), 0 * q), target, np.zeros((1, 2)), np.ones((1, 2))
    )
    assert found == pytest.approx(np.full((1, 2), 0.3), abs=1e-12)


def test_a_quantile_that_was_not_found_is_refused(monkeypatch):
    law = GeneralizedChiSquare(0.0, [1.0, 0.3], [1, 1], [0.0, 0.5])
    assert law.cdf(law.ppf(0.3)) == pytest.approx(0.3, abs=1e-12)
    monkeypatch.setattr(chi_square_probabilities, "MOST_EVALUATIONS", 2)
    with pytest.raises(InputError, match="uncertain by"):
        law.ppf(0.3)
