"""Means over random weights: as their second moments say, and undecided within noise."""

from dataclasses import replace

import pytest
from test_validate.audited import gathered


def test_the_dense_step_at_random_weights_is_as_its_second_moment_says():
    """E‖Jᵀg‖² = ν²(N + ‖J_F‖_F²): half that of the residual block, as N = m, E tr J_F = 0."""
    mean = gathered("C15").mean
    assert mean.first == pytest.approx(mean.second / 2, abs=6 * mean.standard_error)


@pytest.mark.parametrize(("wins", "often"), [(66, True), (65, None), (35, None), (34, False)])
def test_more_often_is_beyond_three_deviations_of_half(wins, often):
    """Of 100 draws 15 from 50."""
    assert replace(gathered("C9").mean, wins=wins).more_often is often


def test_a_small_branch_leaves_the_gain_at_one_and_the_order_to_chance():
    """Which of both gains is larger is up to the sign of ⟨g, J_Fᵀg⟩ alone."""
    small = gathered("C9").small
    assert small.first == pytest.approx(1, abs=1e-3)
    assert small.second == pytest.approx(1, abs=1e-3)
    assert small.more_often is None
    assert gathered("C9").mean.more_often is False


def test_gates_are_near_a_half_and_their_squares_are_what_a_branch_adds():
    """Biases are 0 and the pooled maps small: s is near σ(0)."""
    evidence = gathered("C9")
    assert evidence.gates.mean == pytest.approx(0.5, abs=0.05)
    assert evidence.gates.square == pytest.approx(0.25, abs=0.05)
    assert evidence.mean.added == pytest.approx(
        (evidence.mean.first - 1) / (evidence.mean.second - 1)
    )
    assert replace(evidence.mean, first=evidence.mean.second).added == 1


def test_means_within_noise_decide_nothing():
    mean = gathered("C9").mean
    assert mean.greater is False
    assert replace(mean, standard_error=abs(mean.difference)).greater is None
