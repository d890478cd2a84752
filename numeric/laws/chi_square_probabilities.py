"""Finds the probabilities of a batch of generalized chi-squares, each by the method that suits it.

Equal weights: SciPy's noncentral chi-square. Else the inversion on the real axis, and for few
degrees of freedom the hyperbola.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import ncx2

from numeric.laws.characteristic_inversion import (
    CHUNK,
    EPS,
    Array,
    Components,
    Inversion,
    nodes_needed,
    tail_quantiles,
)
from numeric.laws.hyperbola_inversion import constants, hyperbola

SCIPY_NONCENTRALITY = 500.0
"""Up to here SciPy's `ncx2` is used and faster; it slows down with the root of the noncentrality,
and returns NaN from about 1e11."""

EASY_NODES, MOST_NODES = 1 << 9, 1 << 18
"""Up to the first the inversion on the real axis is used at once, up to the second where the
hyperbola fails."""

MOST_EVALUATIONS = 64
"""Of a function whose crossing is looked for: halvings alone need no more to tell float64 apart."""

EQUAL = 64 * float(np.finfo(np.float64).eps)
"""Weights this close, relatively, are one: they come from an eigenvalue solver."""

Function = Callable[[Array], tuple[Array, Array]]


def answerable(laws: Components, tolerance: float) -> npt.NDArray[np.bool_]:  # (B,)
    """Where the error bound is met at every q.

    There the long inversion suffices, or the hyperbola does.
    """
    return (nodes_needed(laws, tolerance, MOST_NODES)[0] <= MOST_NODES) | (constants(laws) == 0)


@dataclass(frozen=True)
class _Part:
    """Laws of a batch that are evaluated in one way.

    `function` gives probabilities at q − shift in units of `unit`, (Q, B).
    """

    laws: npt.NDArray[np.intp]
    function: Function
    low: Array
    high: Array


class Probabilities:
    """Sorts the laws of a batch by the method that suits each, once for all q.

    shift and unit are (B,), the components in that unit.
    """

    def __init__(self, shift: Array, unit: Array, components: Components, tolerance: float) -> None:
        self.shift, self.unit, self.scaled, self.tolerance = shift, unit, components, tolerance
        self.parts = [part for part in self._parts() if len(part.laws)]

    def evaluate(self, q: Array) -> tuple[Array, Array]:  # (Q, B) -> (Q, B) twice
        """P(Q ≤ q), and a bound on the error of each."""
        values, errors = np.empty_like(q), np.empty_like(q)
        relative = (q - self.shift) / self.unit
        for part in self.parts:
            values[:, part.laws], errors[:, part.laws] = part.function(relative[:, part.laws])
        return values, errors

    def invert(self, p: Array) -> tuple[Array, Array]:  # (Q, B) -> (Q, B) twice
        """Quantiles, and the error bounds of the probabilities there: these may miss p, too."""
        quantiles, errors = np.empty_like(p), np.empty_like(p)
        for part in self.parts:
            target = p[:, part.laws]
            low, high = (np.broadcast_to(end, target.shape) for end in (part.low, part.high))
            found = crossing(part.function, target, low, high)
            values, uncertain = part.function(found)
            quantiles[:, part.laws] = self.shift[part.laws] + found * self.unit[part.laws]
            missed = np.where(low < high, np.abs(values - target), 0)  # a point leaps over p
            errors[:, part.laws] = uncertain + missed
        return quantiles, errors

    def _parts(self) -> list[_Part]:
        laws = self.scaled
        most = laws.weights.max(1, initial=0)
        least = np.where(laws.weights > 0, laws.weights, np.inf).min(1, initial=np.inf)
        points, rest = np.flatnonzero(most == 0), np.flatnonzero(most > 0)
        nothing = np.zeros(len(points))
        found = [
            _Part(
                points, lambda q: ((q >= 0).astype(np.float64), np.zeros_like(q)), nothing, nothing
            )
        ]
        single = most[rest] <= least[rest] * (1 + EQUAL)
        merged = self._merged(rest[single])
        noncentrality = merged.squares[:, 0] / merged.weights[:, 0]
        central = noncentrality <= SCIPY_NONCENTRALITY
        found.append(self._scipy(rest[single][central], merged.take(np.flatnonzero(central))))
        found += self._inverted(rest[single][~central], merged.take(np.flatnonzero(~central)))
        several = rest[~single]
        return found + self._inverted(several, laws.take(several))

    def _merged(self, laws: npt.NDArray[np.intp]) -> Components:
        """The one component of laws whose weights are all equal."""
        chosen = self.scaled.take(laws)
        return Components(
            chosen.weights.max(1, keepdims=True),
            chosen.dofs.sum(1, keepdims=True),
            chosen.squares.sum(1, keepdims=True),
        )

    def _scipy(self, laws: npt.NDArray[np.intp], merged: Components) -> _Part:
        weight, dof, square = (part[:, 0] for part in (merged.weights, merged.dofs, merged.squares))

        def function(q: Array) -> tuple[Array, Array]:
            values = ncx2.cdf(np.maximum(q, 0) / weight, dof, square / weight)
            return values, np.full_like(q, 1e-10)

        return _Part(laws, function, *tail_quantiles(merged, self.tolerance / 4))

    def _inverted(self, laws: npt.NDArray[np.intp], components: Components) -> list[_Part]:
        if not len(laws):
            return []
        nodes, low, high, step = nodes_needed(components, self.tolerance, MOST_NODES)
        groups = np.where(nodes <= EASY_NODES, np.ceil(4 * np.log2(nodes)).astype(int), -1)
        parts = []
        for group in np.unique(groups[groups >= 0]):
            members = np.flatnonzero(groups == group)
            most = int(nodes[members].max())
            size = max(1, CHUNK // (most * components.weights.shape[1]))
            for start in range(0, len(members), size):
                chosen = members[start : start + size]
                inversion = Inversion.of(
                    components.take(chosen), most, low[chosen], high[chosen], step[chosen]
                )
                parts.append(
                    _Part(laws[chosen], self._inversion(inversion), low[chosen], high[chosen])
                )
        few = np.flatnonzero(groups < 0)
        hard = _FewDegrees(
            components.take(few), nodes[few], low[few], high[few], step[few], self.tolerance
        )
        return [*parts, _Part(laws[few], hard, low[few], high[few])]

    def _inversion(self, inversion: Inversion) -> Function:
        return lambda q: inversion.evaluate(q, self.tolerance / 4)


def crossing(function: Function, target: Array, low: Array, high: Array) -> Array:
    """Where a function's values cross the target between low and high, entry by entry.

    Inverse quadratic interpolation where it is safe, else bisection: Chandrupatla 1997, Adv. Eng.
    Softw. 28:145–149.
    """
    b, a = low, high
    fb, fa = (function(end)[0] - target for end in (b, a))
    at = np.full(target.shape, 0.5)
    for _ in range(MOST_EVALUATIONS):
        x = a + at * (b - a)
        fx = function(x)[0] - target
        same = np.sign(fx) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, fx
        best = np.where(np.abs(fa) < np.abs(fb), a, b)
        least = 2 * EPS * np.abs(best) / np.maximum(np.abs(b - a), np.finfo(np.float64).tiny)
        if ((least > 0.5) | (fa == 0) | (fb == 0)).all():
            break
        margin = np.minimum(least, 0.5)
        at = np.clip(_next(a, b, c, fa, fb, fc), margin, 1 - margin)
    return best


def _next(a: Array, b: Array, c: Array, fa: Array, fb: Array, fc: Array) -> Array:
    """Where between a and b to look next, as a part of b − a."""
    with np.errstate(divide="ignore", invalid="ignore"):
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        inverse = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (
            fc - fb
        )
        safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi) & np.isfinite(inverse)
    return np.where(safe, inverse, 0.5)


class _FewDegrees:
    """Laws whose characteristic function decays slowly.

    By the hyperbola, and where that fails by a long inversion.
    """

    def __init__(
        self,
        laws: Components,
        nodes: npt.NDArray[np.intp],
        low: Array,
        high: Array,
        step: Array,
        tolerance: float,
    ) -> None:
        self.laws, self.nodes, self.low, self.high, self.step, self.tolerance = (
            laws,
            nodes,
            low,
            high,
            step,
            tolerance,
        )
        self._long: dict[int, Inversion] = {}

    def __call__(self, q: Array) -> tuple[Array, Array]:
        values, errors = hyperbola(self.laws, np.clip(q, self.low, self.high), self.tolerance)
        outside = (q < self.low) | (q > self.high)
        values, errors = (
            np.where(q < self.low, 0, np.where(q > self.high, 1, values)),
            np.where(outside, self.tolerance / 4, errors),
        )
        for law in np.flatnonzero((errors > self.tolerance).any(0) & (self.nodes <= MOST_NODES)):
            failed = errors[:, law] > self.tolerance
            found, error = self._inversion(int(law)).evaluate(
                q[failed, law, None], self.tolerance / 4
            )
            values[failed, law], errors[failed, law] = found[:, 0], error[:, 0]
        return values, errors

    def _inversion(self, law: int) -> Inversion:
        if law not in self._long:
            one = np.array([law])
            made = Inversion.of(
                self.laws.take(one),
                int(self.nodes[law]),
                self.low[one],
                self.high[one],
                self.step[one],
            )
            self._long[law] = made
        return self._long[law]
