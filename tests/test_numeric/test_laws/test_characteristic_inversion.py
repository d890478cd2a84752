"""The inversion on the real axis, against closed forms, Ruben's series and tails that are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, ncx2
from twins.ruben_twin import ruben

from numeric.laws.characteristic_inversion import (
    Components,
    Inversion,
    nodes_needed,
    tail_quantiles,
)
from numeric.laws.chi_square import GeneralizedChiSquare

LEVELS = np.linspace(0.001, 0.999, 21)


def inverted(weights, dofs, squares, q, tolerance=1e-9):
    """The inversion alone, whatever method the class would choose."""
    laws = Components(*(np.array([part], float) for part in (weights, dofs, squares)))
    nodes, low, high, step = nodes_needed(laws, tolerance, 1 << 20)
    values, errors = Inversion.of(laws, int(nodes[0]), low, high, step).evaluate(
        np.asarray(q)[:, None], tolerance / 4
    )
    return values[:, 0], errors[:, 0]


@pytest.mark.parametrize("noncentrality", [0, 1e-300, 1e-9, 0.3, 7, 900, 1e4])
@pytest.mark.parametrize("dof", [5, 8, 33, 700])
def test_the_inversion_of_one_component_is_a_noncentral_chi_square(dof, noncentrality):
    q = ncx2.ppf(LEVELS, dof, noncentrality)
    values, errors = inverted([1], [dof], [noncentrality], q, 1e-8)
    assert (np.abs(values - LEVELS) <= errors + 1e-12).all()
    assert errors.max() <= 1e-8


spectra = st.lists(
    st.tuples(st.floats(0.05, 1.0), st.integers(1, 6), st.floats(0, 5)), min_size=2, max_size=6
)


@settings(max_examples=60)
@given(spectra)
def test_the_inversion_and_rubens_series_agree_within_their_bounds(parts):
    weights, dofs, squares = np.array(parts).T
    law = GeneralizedChiSquare(0.0, weights, dofs, squares)
    q = law.mean + np.array([-1.5, -0.5, 0, 1, 2.5]) * np.sqrt(law.variance)
    series = ruben(weights, dofs, squares, q, 1e-8, 1 << 13)
    assert series is not None
    assert series[1].max() <= 1e-8
    values, errors = inverted(weights, dofs, squares, q, 1e-4)
    assert errors.max() <= 1e-4
    assert (np.abs(values - series[0]) <= errors + series[1]).all(), (values, series)


def test_chernoff_quantiles_hold_their_tails():
    laws = Components(
        np.array([[1.0, 0.0], [2.0, 0.3]]),
        np.array([[3.0, 0.0], [1.0, 4.0]]),
        np.array([[0.0, 0.0], [5.0, 1.0]]),
    )
    low, high = tail_quantiles(laws, 1e-4)
    assert chi2.cdf(low[0], 3) <= 1e-4
    assert chi2.sf(high[0], 3) <= 1e-4
    law = GeneralizedChiSquare([0.0, 0.0], laws.weights, laws.dofs, laws.squares)
    assert (law.cdf(low, 1e-8) <= 1e-4).all()
    assert (law.sf(high, 1e-8) <= 1e-4).all()
    assert (law.cdf(high, 1e-8) - law.cdf(low, 1e-8) > 0.9).all()
