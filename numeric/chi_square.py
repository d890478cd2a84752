"""Holds distributions of squared norms of Gaussian vectors: noncentral and generalized noncentral chi-squares, shifted.

Every value of a distribution function is within a stated tolerance of the truth, or an InputError says why it cannot be.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import ncx2

from derivations.errors import InputError
from numeric.hyperbola import constants, hyperbola
from numeric.inversion import CHUNK, Array, Components, Inversion, nodes_needed, tail_quantiles

TOLERANCE = 1e-6
"""The default bound on the absolute error of a probability."""

SCIPY_NONCENTRALITY = 1e4
"""Up to here SciPy's `ncx2` is used; it slows down with the root of the noncentrality, and returns NaN from about 1e11."""

EASY_NODES, MOST_NODES = 1 << 9, 1 << 18
"""Up to the first the inversion on the real axis is used at once, up to the second where the hyperbola fails."""

EQUAL = 64 * float(np.finfo(np.float64).eps)
"""Weights this close, relatively, are one: they come from an eigenvalue solver."""


@dataclass(frozen=True)
class GeneralizedChiSquare:
    """The law of Q = shift + Σ_j ‖N(μ_j, weight_j · I_{dof_j})‖² with ‖μ_j‖² = square_j.

    One law, or a batch: shift (*batch,), the others (*batch, k), all float64. A weight of 0 gives a constant. One weight λ:
    λ · χ′²_dof(square / λ), a scaled noncentral chi-square; none: a point. Raises InputError for numbers that are negative
    or not finite, degrees of freedom that are not integers, and a mean where there is no degree of freedom.
    """

    shift: Array
    weights: Array
    dofs: Array
    squares: Array

    def __post_init__(self) -> None:
        weights, dofs, squares = np.broadcast_arrays(*(np.asarray(part, np.float64) for part in (self.weights, self.dofs, self.squares)))
        for name, values in (("weights", weights), ("degrees of freedom", dofs), ("squares", squares), ("shift", np.asarray(self.shift))):
            if not (np.isfinite(values).all() and (values >= 0).all()):
                raise InputError(f"the {name} of a chi-square must be finite and ≥ 0: {np.min(values):g} … {np.max(values):g}")
        if (dofs != np.round(dofs)).any() or ((dofs == 0) & (weights > 0) & (squares > 0)).any():
            raise InputError("degrees of freedom must be integers, and where there is none the mean must be 0")
        gone = (weights == 0) | (dofs == 0)
        shift = np.asarray(self.shift, np.float64) + np.where(weights == 0, squares, 0).sum(-1)
        parts = (np.where(gone, 0, part) for part in (weights, dofs, squares))
        for field, value in zip(("shift", "weights", "dofs", "squares"), (shift, *parts), strict=True):
            object.__setattr__(self, field, value)

    @property
    def batch(self) -> tuple[int, ...]:
        return self.shift.shape

    @property
    def mean(self) -> Array:
        """E Q, (*batch,)."""
        return self.shift + (self.dofs * self.weights + self.squares).sum(-1)

    @property
    def variance(self) -> Array:
        """Var Q, (*batch,)."""
        return (2 * self.dofs * self.weights**2 + 4 * self.weights * self.squares).sum(-1)

    def scaled(self, factor: npt.ArrayLike) -> "GeneralizedChiSquare":
        """The law of factor · Q, factor ≥ 0 and broadcast against the batch."""
        by = np.broadcast_to(np.asarray(factor, np.float64), self.batch)
        return GeneralizedChiSquare(self.shift * by, self.weights * by[..., None], self.dofs, self.squares * by[..., None])

    def hidden(self, tolerance: float = TOLERANCE) -> npt.NDArray[np.bool_]:
        """Where the law is a point for float64: a density is about 1/deviation, so that moving q by its own rounding error,
        eps · shift, would move a probability by more than `tolerance`. (*batch,)"""
        return np.asarray(self.shift * np.finfo(np.float64).eps >= tolerance * np.sqrt(self.variance))

    def answerable(self, tolerance: float = TOLERANCE) -> npt.NDArray[np.bool_]:
        """Where probabilities are found at every q: not for a point, nor for a nearly constant component beside few degrees of
        freedom (weights some 1e-9 of the largest). A property of the law alone. (*batch,)"""
        wide = np.atleast_1d(~self.hidden(tolerance)).reshape(-1)
        laws = _Scaled(self).components.take(np.flatnonzero(wide))
        nodes = nodes_needed(laws, tolerance, MOST_NODES)[0]
        wide[wide] = (nodes <= MOST_NODES) | (constants(laws) == 0)
        return wide.reshape(self.batch)

    def where(self, kept: npt.NDArray[np.bool_]) -> "GeneralizedChiSquare":
        """The laws of the batch for which `kept` is true."""
        return GeneralizedChiSquare(self.shift[kept], self.weights[kept], self.dofs[kept], self.squares[kept])

    def sum_over(self, axis: int) -> "GeneralizedChiSquare":
        """The law of the sum, along a batch axis, of independent Q; weights that do not vary along it stay one component."""
        if not 0 <= axis < len(self.batch):
            raise InputError(f"a batch of shape {self.batch} has no axis {axis} to sum over")
        weights, dofs, squares = (np.moveaxis(part, axis, -2) for part in (self.weights, self.dofs, self.squares))
        if (weights == weights[..., :1, :]).all():
            return GeneralizedChiSquare(self.shift.sum(axis), weights[..., 0, :], dofs.sum(-2), squares.sum(-2))
        flat = (part.reshape(*part.shape[:-2], -1) for part in (weights, dofs, squares))
        return GeneralizedChiSquare(self.shift.sum(axis), *flat)

    def cdf(self, q: npt.ArrayLike, tolerance: float = TOLERANCE) -> Array:
        """P(Q ≤ q), within `tolerance`. q is broadcast against the batch; raises InputError where the error bound exceeds it."""
        return self.enclose(q, tolerance)[0]

    def sf(self, q: npt.ArrayLike, tolerance: float = TOLERANCE) -> Array:
        """P(Q > q), within `tolerance`."""
        return 1 - self.cdf(q, tolerance)

    def enclose(self, q: npt.ArrayLike, tolerance: float = TOLERANCE) -> tuple[Array, Array]:
        """P(Q ≤ q), and a bound on the error of each value. It covers truncation and aliasing rigorously, rounding to first
        order; where the law is a single noncentral chi-square within SciPy's range it is SciPy's own accuracy, 1e-10."""
        q = np.asarray(q, np.float64)
        if not np.isfinite(q).all():
            raise InputError("a quantile is not finite: give numbers")
        shape = np.broadcast_shapes(q.shape, self.batch)
        flat = np.broadcast_to(q, shape).reshape(-1, max(1, int(np.prod(self.batch))))
        values, errors = _Evaluator(self, tolerance).evaluate(flat)
        worst = errors.max(initial=0)
        if not worst <= tolerance:
            raise InputError(f"probabilities of the law are uncertain by {worst:.1g}, more than {tolerance:g}: raise the tolerance")
        return values.reshape(shape), errors.reshape(shape)

    def ppf(self, p: npt.ArrayLike, tolerance: float = TOLERANCE) -> Array:
        """A q with P(Q ≤ q) = p within `tolerance`, p broadcast against the batch; raises InputError for p nearer to 0 or 1."""
        p = np.asarray(p, np.float64)
        if not ((p >= tolerance) & (p <= 1 - tolerance)).all():
            raise InputError(f"a probability must lie in [{tolerance:g}, 1 − {tolerance:g}]: lower the tolerance to go further out")
        shape = np.broadcast_shapes(p.shape, self.batch)
        flat = np.broadcast_to(p, shape).reshape(-1, max(1, int(np.prod(self.batch))))
        return _Evaluator(self, tolerance).invert(flat).reshape(shape)

    def interval(self, level: float, tolerance: float = TOLERANCE) -> tuple[Array, Array]:
        """The central band that holds Q with probability `level`: its two quantiles."""
        return self.ppf((1 - level) / 2, tolerance), self.ppf((1 + level) / 2, tolerance)

    def sample(self, size: int, rng: np.random.Generator) -> Array:
        """`size` independent draws of Q, (size, *batch)."""
        shape = (size, *self.weights.shape)
        first = np.sqrt(self.squares) + np.sqrt(self.weights) * rng.standard_normal(shape)
        others = self.weights * rng.chisquare(np.maximum(self.dofs - 1, 1), shape)
        return self.shift + np.where(self.dofs > 0, first**2, 0).sum(-1) + np.where(self.dofs > 1, others, 0).sum(-1)


Function = Callable[[Array], tuple[Array, Array]]


@dataclass(frozen=True)
class _Part:
    """Laws of a batch that are evaluated in one way: probabilities of q − shift in units of `unit`, (Q, B)."""

    laws: npt.NDArray[np.intp]
    function: Function
    low: Array
    high: Array


class _Scaled:
    """A batch of laws, flat and each in a unit of its own, so that nothing under- or overflows."""

    def __init__(self, law: GeneralizedChiSquare) -> None:
        count = max(1, int(np.prod(law.batch)))
        weights, dofs, squares = (part.reshape(count, -1) for part in (law.weights, law.dofs, law.squares))
        self.shift = law.shift.reshape(count)
        self.unit = np.maximum(np.maximum(weights.max(1, initial=0), squares.max(1, initial=0)), np.finfo(np.float64).tiny)
        self.components = Components(weights / self.unit[:, None], dofs, squares / self.unit[:, None])


class _Evaluator:
    """Sorts the laws of a batch by the method that suits each, once for all q."""

    def __init__(self, law: GeneralizedChiSquare, tolerance: float) -> None:
        if not 1e-13 <= tolerance < 0.5:
            raise InputError(f"a tolerance must lie in [1e-13, 0.5), not {tolerance:g}")
        if (law.hidden(tolerance) & (law.variance > 0)).any():
            raise InputError("the law is narrower than the rounding of its shift: it is a point for float64")
        scaled = _Scaled(law)
        self.tolerance, self.shift, self.unit, self.scaled = tolerance, scaled.shift, scaled.unit, scaled.components
        self.parts = [part for part in self._parts() if len(part.laws)]

    def evaluate(self, q: Array) -> tuple[Array, Array]:  # (Q, B) -> (Q, B) twice
        values, errors = np.empty_like(q), np.empty_like(q)
        relative = (q - self.shift) / self.unit
        for part in self.parts:
            values[:, part.laws], errors[:, part.laws] = part.function(relative[:, part.laws])
        return values, errors

    def invert(self, p: Array) -> Array:
        quantiles = np.empty_like(p)
        for part in self.parts:
            target = p[:, part.laws]
            low, high = np.broadcast_to(part.low, target.shape).copy(), np.broadcast_to(part.high, target.shape).copy()
            for _ in range(64):
                middle = (low + high) / 2
                below = part.function(middle)[0] < target
                low, high = np.where(below, middle, low), np.where(below, high, middle)
            quantiles[:, part.laws] = self.shift[part.laws] + high * self.unit[part.laws]
        return quantiles

    def _parts(self) -> list[_Part]:
        laws = self.scaled
        most = laws.weights.max(1, initial=0)
        least = np.where(laws.weights > 0, laws.weights, np.inf).min(1, initial=np.inf)
        points, rest = np.flatnonzero(most == 0), np.flatnonzero(most > 0)
        nothing = np.zeros(len(points))
        found = [_Part(points, lambda q: ((q >= 0).astype(np.float64), np.zeros_like(q)), nothing, nothing)]
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
        return Components(chosen.weights.max(1, keepdims=True), chosen.dofs.sum(1, keepdims=True), chosen.squares.sum(1, keepdims=True))

    def _scipy(self, laws: npt.NDArray[np.intp], merged: Components) -> _Part:
        if not len(laws):
            return _Part(laws, _never, np.empty(0), np.empty(0))
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
                inversion = Inversion.of(components.take(chosen), most, low[chosen], high[chosen], step[chosen])
                parts.append(_Part(laws[chosen], self._inversion(inversion), low[chosen], high[chosen]))
        few = np.flatnonzero(groups < 0)
        hard = _FewDegrees(components.take(few), nodes[few], low[few], high[few], step[few], self.tolerance)
        return [*parts, _Part(laws[few], hard, low[few], high[few])]

    def _inversion(self, inversion: Inversion) -> Function:
        return lambda q: inversion.evaluate(q, self.tolerance / 4)


class _FewDegrees:
    """Laws whose characteristic function decays slowly: by the hyperbola, and where that fails by a long inversion."""

    def __init__(self, laws: Components, nodes: npt.NDArray[np.intp], low: Array, high: Array, step: Array, tolerance: float) -> None:
        self.laws, self.nodes, self.low, self.high, self.step, self.tolerance = laws, nodes, low, high, step, tolerance
        self._long: dict[int, Inversion] = {}

    def __call__(self, q: Array) -> tuple[Array, Array]:
        values, errors = hyperbola(self.laws, np.clip(q, self.low, self.high), self.tolerance)
        outside = (q < self.low) | (q > self.high)
        values, errors = np.where(q < self.low, 0, np.where(q > self.high, 1, values)), np.where(outside, self.tolerance / 4, errors)
        for law in np.flatnonzero((errors > self.tolerance).any(0) & (self.nodes <= MOST_NODES)):
            failed = errors[:, law] > self.tolerance
            found, error = self._inversion(int(law)).evaluate(q[failed, law, None], self.tolerance / 4)
            values[failed, law], errors[failed, law] = found[:, 0], error[:, 0]
        return values, errors

    def _inversion(self, law: int) -> Inversion:
        if law not in self._long:
            one = np.array([law])
            made = Inversion.of(self.laws.take(one), int(self.nodes[law]), self.low[one], self.high[one], self.step[one])
            self._long[law] = made
        return self._long[law]


def _never(q: Array) -> tuple[Array, Array]:
    return q, q
