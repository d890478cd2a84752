"""The inversion along a hyperbola: closed forms, Ruben's series, and where it gives up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2
from twins.ruben_twin import ruben

from numeric.laws.characteristic_inversion import (
    Components,
)
from numeric.laws.hyperbola_inversion import hyperbola

decades = st.lists(
    st.tuples(st.floats(-1.5, 0), st.integers(1, 2), st.floats(0, 10)), min_size=1, max_size=3
)


@settings(max_examples=60)
@given(decades)
def test_the_hyperbola_and_rubens_series_agree_within_their_bounds(parts):
    """Few degrees of freedom: where the inversion is slow."""
    logs, dofs, noncentrality = np.array(parts).T
    weights = 10**logs
    squares = noncentrality * weights
    q = weights.max() * np.array([1e-3, 0.1, 1, 5, 20])
    series = ruben(weights, dofs, squares, q, 1e-8, 1 << 12)
    assert series is not None
    values, errors = hyperbola(
        Components(*(np.array([part]) for part in (weights, dofs, squares))), q[:, None], 1e-7
    )
    assert errors.max() <= 1e-7
    assert (np.abs(values[:, 0] - series[0]) <= errors[:, 0] + series[1]).all(), (values, series)


@pytest.mark.parametrize("ratio", [0.5, 1e-2, 1e-5, 1e-9])
@pytest.mark.parametrize("tolerance", [1e-5, 1e-9])
def test_the_hyperbola_holds_its_bound_over_any_range_of_weights(ratio, tolerance):
    laws = Components(np.array([[0.5, ratio / 2]]), np.array([[2.0, 2.0]]), np.zeros((1, 2)))
    q = np.array([1e-9, 1e-5, 1e-2, 0.3, 1, 4, 15])
    values, errors = hyperbola(laws, q[:, None], tolerance)
    expected = (-np.expm1(-q) + ratio * np.expm1(-q / ratio)) / (1 - ratio)
    assert errors.max() <= tolerance
    assert (np.abs(values[:, 0] - expected) <= errors[:, 0]).all()


def test_where_the_hyperbola_fails_its_error_says_so():
    """Below what acts like a constant nothing decays to the left; many degrees of freedom cost
    digits.
    """
    narrow = Components(np.array([[1.0, 1e-3]]), np.array([[1.0, 1.0]]), np.array([[0.0, 1.0]]))
    assert np.isinf(hyperbola(narrow, np.array([[0.9]]), 1e-6)[1])
    many = Components(np.array([[1.0]]), np.array([[20_000.0]]), np.array([[0.0]]))
    q = 20_000 + 200 * np.linspace(-2, 2, 9)[:, None]
    values, errors = hyperbola(many, q, 1e-12)
    assert (np.abs(values - chi2.cdf(q, 20_000)) <= errors).all()
    assert errors.max() > 1e-12
