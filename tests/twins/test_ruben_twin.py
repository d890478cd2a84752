"""The slow twin of chi-square probabilities: closed forms, and where it gives up."""

import numpy as np
import pytest
from scipy.stats import chi2, ncx2
from twins.ruben_twin import ruben

Q = np.array([-1.0, 0.0, 0.1, 1.0, 4.0, 12.0])


def summed(weights, dofs, squares, tolerance=1e-10, limit=1 << 12):
    return ruben(*(np.array(each, float) for each in (weights, dofs, squares)), Q, tolerance, limit)


@pytest.mark.parametrize(("dofs", "noncentrality"), [([3], 0.0), ([2, 4], 0.0), ([3], 2.5)])
def test_equal_weights_are_one_chi_square(dofs, noncentrality):
    values, errors = summed([2.0] * len(dofs), dofs, [2.0 * noncentrality, 0.0][: len(dofs)])
    dof = sum(dofs)
    at = np.maximum(Q, 0) / 2
    expected = ncx2.cdf(at, dof, noncentrality) if noncentrality else chi2.cdf(at, dof)
    assert (np.abs(values - expected) <= errors + 1e-13).all()
    assert errors.max() <= 1e-10


def test_two_exponentials_have_a_closed_form():
    first, second = 1.0, 0.3
    values, errors = summed([first / 2, second / 2], [2, 2], [0, 0])
    at = np.maximum(Q, 0)
    expected = 1 - (first * np.exp(-at / first) - second * np.exp(-at / second)) / (first - second)
    assert (np.abs(values - expected) <= errors + 1e-13).all()


@pytest.mark.parametrize(
    ("weights", "dofs", "squares", "limit"),
    [([1.0, 1e-4], [3, 3], [0, 0], 100), ([1.0], [1], [1e4], 1 << 12)],
    ids=["too many terms", "a first coefficient of 0"],
)
def test_where_it_cannot_tell_it_gives_nothing(weights, dofs, squares, limit):
    assert summed(weights, dofs, squares, limit=limit) is None
