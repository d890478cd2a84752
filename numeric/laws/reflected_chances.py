"""Gives moments and chances of a random walk reflected at 0: a coordinate behind φ(x + branch).

x₀ = φ(z), z ~ N(0, first), x_m = φ(x_{m−1} + N(0, 1)·√step), by quadrature.
"""

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from derivations.errors import InputError
from numeric.settings import between, whole

NODES = 400
RESOLVED = 5.0  # mean distances of nodes in a standard deviation: errors below 1e-6 then
SPAN = 8.0  # where densities are cut off, in standard deviations of the walk without reflection


@dataclass(frozen=True)
class Walk:
    """`means` and `seconds` of x₀ … x_L, and `positive[a, b]`, the chance that x_a … x_b are all
    positive, 1 for a > b.
    """

    first: float
    step: float
    means: tuple[float, ...]
    seconds: tuple[float, ...]
    positive: NDArray[np.float64]

    def spread(self, m: int) -> float:
        """The variance of what x_m has added up, without reflection."""
        return self.first + m * self.step


def reflected_walk_chances(steps: int, first: float = 1.0, step: float = 1.0) -> Walk:
    """The walk of so many steps; raises InputError for variances that are not positive."""
    steps = whole(steps, "the number of steps", 0)
    first, step = between(first, "the first variance"), between(step, "a step's variance")
    points, lengths = np.polynomial.legendre.leggauss(NODES)
    span = SPAN * sqrt(first + steps * step)
    if RESOLVED * span / NODES > sqrt(min(first, step)):
        raise InputError(
            f"{steps} steps of variance {step:g} from {first:g} on are too fine for {NODES} nodes: "
            "ask for fewer or larger steps"
        )
    nodes, lengths = span * (points + 1) / 2, span * lengths / 2
    onward = _normal(nodes[None, :] - nodes[:, None], step) * lengths
    from_zero = _normal(nodes, step) * lengths
    weights = [_normal(nodes, first) * lengths]
    for _ in range(steps):
        weights.append(weights[-1] @ onward + (1 - weights[-1].sum()) * from_zero)
    positive = np.ones((steps + 2, steps + 2))
    for last in range(steps + 1):
        stays = np.ones(NODES)
        for start in range(last, -1, -1):
            positive[start, last] = weights[start] @ stays
            stays = onward @ stays
    means = tuple(float(each @ nodes) for each in weights)
    seconds = tuple(float(each @ nodes**2) for each in weights)
    return Walk(first, step, means, seconds, positive)


def _normal(x: NDArray[np.float64], variance: float) -> NDArray[np.float64]:
    return np.exp(-(x**2) / (2 * variance)) / sqrt(2 * pi * variance)
