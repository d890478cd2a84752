"""Means over random weights: as their second moments say, and undecided within noise."""

from dataclasses import replace

import pytest
from test_validate.audited import gathered


def test_the_dense_step_at_random_weights_is_as_its_second_moment_says():
    """E‖Jᵀg‖² = ν²(N + ‖J_F‖_F²): half that of the residual block, as N = m, E tr J_F = 0."""
    mean = gathered("C15").mean
    assert mean.first == pytest.approx(mean.second / 2, abs=6 * mean.standard_error)


def test_means_within_noise_decide_nothing():
    mean = gathered("C9").mean
    assert mean.greater is False
    assert replace(mean, standard_error=abs(mean.difference)).greater is None
