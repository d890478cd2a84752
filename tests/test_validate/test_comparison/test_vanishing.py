"""Tests the vanishing-branch experiment: the limits are reached, at the rate of ε."""

import math

import pytest

from derivations.errors import InputError
from validate.comparison.vanishing import DENSE_INPUTS, EPSILONS, SEEDS, experiment, gain


@pytest.fixture(scope="module")
def rows():
    return list(experiment())


def test_every_case_is_run_once(rows):
    cases = [(row.family, row.inputs, row.epsilon, row.seed) for row in rows]
    assert len(set(cases)) == len(cases) == (3 + len(DENSE_INPUTS)) * len(EPSILONS) * len(SEEDS)


def test_the_limits_are_met_at_zero(rows):
    """0 for plain, 1 for residual blocks, √l for dense steps of l = 1 … 12 inputs."""
    limits = {"plain": 0.0, "residual": 1.0, "se_residual": 1.0}
    for row in rows:
        assert row.predicted == limits.get(row.family, math.sqrt(row.inputs))
        if row.epsilon == 0:
            assert row.measured == pytest.approx(row.predicted, rel=1e-14, abs=0)


def test_the_distance_shrinks_with_epsilon(rows):
    """|measured − limit| ≤ K ε with K from ε = 0.3, generously: first-order convergence, and no
    fluke at ε = 0.
    """
    distance = {
        (row.family, row.inputs, row.seed, row.epsilon): abs(row.measured - row.predicted)
        for row in rows
    }
    for (family, inputs, seed, epsilon), value in distance.items():
        slope = max(distance[family, inputs, seed, other] / other for other in (0.3, 0.1))
        if epsilon <= 0.03:
            assert value <= 3 * slope * epsilon


def test_the_branch_matters_where_it_is_there(rows):
    assert all(abs(row.measured - row.predicted) > 1e-4 for row in rows if row.epsilon == 1)


def test_unknown_families_are_refused():
    with pytest.raises(InputError, match="choose from plain"):
        gain("highway", 1, 1.0, 0)
