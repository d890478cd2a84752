"""Holds distributions of squared norms of Gaussian vectors: shifted generalized chi-squares.

Every value of a distribution function is within a stated tolerance of the truth, and so is every
logarithm of one, or an InputError says why it cannot be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from derivations.algebra.showing import Showing, Shown
from derivations.errors import InputError
from numeric.laws.characteristic_inversion import EPS, Array, Components
from numeric.laws.chi_square_probabilities import Probabilities, answerable
from numeric.laws.draws import Draws
from numeric.laws.tail_inversion import log_probability
from numeric.runs.sample_summary import HEAD, spread_of
from numeric.settings import between, whole

TOLERANCE = 1e-6
"""The default bound on the absolute error of a probability."""


def real(values: npt.ArrayLike, name: str) -> Array:
    """The values in float64.

    Raises InputError where they are not numbers, complex, none at all, or not finite.
    """
    found = np.asarray(values)
    if found.dtype.kind not in "fiu" or not found.size or not np.isfinite(found).all():
        raise InputError(
            f"{name} ({found.dtype} {found.shape}) must be finite real numbers, at least one"
        )
    return found.astype(np.float64)


@dataclass(frozen=True, repr=False)
class GeneralizedChiSquare(Shown):
    """The law of Q = shift + Σ_j ‖N(μ_j, weight_j · I_{dof_j})‖² with ‖μ_j‖² = square_j.

    One law, or a batch: shift (*batch,), the others (*batch, k), all float64. A weight of 0 gives a
    constant. One weight λ: λ · χ′²_dof(square / λ), a scaled noncentral chi-square; weights of 0
    alone: a point. Raises InputError for numbers that are negative or not finite, degrees of
    freedom that are not integers, and a mean where there is no degree of freedom. `draws` says for
    which weights it holds, and of which signal; no sum or multiple keeps it.
    """

    shift: Array
    weights: Array
    dofs: Array
    squares: Array
    draws: Draws | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        given = {
            "shift": self.shift,
            "weights": self.weights,
            "degrees of freedom": self.dofs,
            "squares": self.squares,
        }
        shift, *parts = (
            real(values, f"the {name} of a chi-square") for name, values in given.items()
        )
        for name, values in zip(given, (shift, *parts), strict=True):
            if (values < 0).any():
                raise InputError(f"the {name} of a chi-square must be ≥ 0, not {values.min():g}")
        try:
            weights, dofs, squares = np.broadcast_arrays(*parts)
            batch = np.broadcast_shapes(shift.shape, weights.shape[:-1])
        except ValueError as error:
            raise InputError(f"the parts of a chi-square do not fit each other: {error}") from error
        if weights.ndim == 0 or batch != weights.shape[:-1]:
            raise InputError(
                f"a chi-square of shift {shift.shape} takes weights (*batch, k), not "
                f"{weights.shape}"
            )
        if (dofs != np.round(dofs)).any() or ((dofs == 0) & (weights > 0) & (squares > 0)).any():
            raise InputError(
                "degrees of freedom must be integers, and where there is none the mean must be 0"
            )
        gone = (weights == 0) | (dofs == 0)
        shift = shift + np.where(weights == 0, squares, 0).sum(-1)
        kept = (np.where(gone, 0, part) for part in (weights, dofs, squares))
        for name, value in zip(
            ("shift", "weights", "dofs", "squares"), (shift, *kept), strict=True
        ):
            object.__setattr__(self, name, value)

    @property
    def batch(self) -> tuple[int, ...]:
        return self.shift.shape

    def showing(self) -> Showing:
        parts = {"shift": self.shift, "mean": self.mean, "weights": self.weights}
        parts |= {"degrees of freedom": self.dofs, "squares": self.squares}
        rows = [(name, *spread_of(part)) for name, part in parts.items()]
        title = f"Generalized chi-square: {int(np.prod(self.batch, dtype=int))} laws of "
        return Showing(f"{title}{self.weights.shape[-1]} parts", ("", *HEAD), tuple(rows))

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
        by = real(factor, "the factor")
        if self._beside(by) != self.batch:
            raise InputError(
                f"factors of shape {by.shape} do not go with a batch of laws {self.batch}: "
                "give one, or one each"
            )
        by = np.broadcast_to(by, self.batch)
        return GeneralizedChiSquare(
            self.shift * by, self.weights * by[..., None], self.dofs, self.squares * by[..., None]
        )

    def hidden(self, tolerance: float = TOLERANCE) -> npt.NDArray[np.bool_]:
        """Where the law is a point for float64. (*batch,)

        A density is about 1/deviation, so that moving q by its own rounding error, eps · shift,
        would move a probability by more than `tolerance`.
        """
        return np.asarray(
            self.shift * np.finfo(np.float64).eps >= tolerance * np.sqrt(self.variance)
        )

    def answerable(self, tolerance: float = TOLERANCE) -> npt.NDArray[np.bool_]:
        """Where probabilities are found at every q: a property of the law alone. (*batch,)

        Not for a point, nor for a nearly constant component beside few degrees of freedom (weights
        some 1e-9 of the largest).
        """
        wide = np.asarray(~self.hidden(tolerance)).reshape(-1)
        wide[wide] = answerable(self.in_units()[1].take(np.flatnonzero(wide)), tolerance)
        return wide.reshape(self.batch)

    def where(self, kept: npt.NDArray[np.bool_]) -> "GeneralizedChiSquare":
        """The laws of the batch for which `kept` (*batch,) is true, at least one."""
        if kept.shape != self.batch or kept.dtype != np.bool_:
            raise InputError(
                f"the choice among a batch of laws {self.batch} must be boolean and of that "
                f"shape, not {kept.dtype} {kept.shape}"
            )
        return GeneralizedChiSquare(
            self.shift[kept],
            self.weights[kept],
            self.dofs[kept],
            self.squares[kept],
            None if self.draws is None else self.draws.take(kept),
        )

    def of_draws(self, draws: Draws) -> "GeneralizedChiSquare":
        """The same law, with what it holds for."""
        return replace(self, draws=draws)

    def sum_over(self, axis: int) -> "GeneralizedChiSquare":
        """The law of the sum, along a batch axis, of independent Q.

        Weights that do not vary along it stay one component.
        """
        if whole(axis, "the axis", 0) >= len(self.batch):
            raise InputError(f"a batch of shape {self.batch} has no axis {axis} to sum over")
        weights, dofs, squares = (
            np.moveaxis(part, axis, -2) for part in (self.weights, self.dofs, self.squares)
        )
        if (weights == weights[..., :1, :]).all():
            return GeneralizedChiSquare(
                self.shift.sum(axis), weights[..., 0, :], dofs.sum(-2), squares.sum(-2)
            )
        weights, dofs, squares = (
            part.reshape(*part.shape[:-2], -1) for part in (weights, dofs, squares)
        )
        return GeneralizedChiSquare(self.shift.sum(axis), weights, dofs, squares)

    def cdf(self, q: npt.ArrayLike, tolerance: float = TOLERANCE) -> Array:
        """P(Q ≤ q), within `tolerance`. q is broadcast against the batch.

        Raises InputError where the error bound exceeds it.
        """
        return self.enclose(q, tolerance)[0]

    def sf(self, q: npt.ArrayLike, tolerance: float = TOLERANCE) -> Array:
        """P(Q > q), within `tolerance`: 0 for many a q in a tail, where `logsf` has its size."""
        return 1 - self.cdf(q, tolerance)

    def logcdf(self, q: npt.ArrayLike, tolerance: float = TOLERANCE) -> Array:
        """log P(Q ≤ q), within `tolerance`: a bound on the relative error of the probability.

        −∞ where it is 0. Raises InputError where the error bound exceeds the tolerance.
        """
        return self.enclose_log(q, upper=False, tolerance=tolerance)[0]

    def logsf(self, q: npt.ArrayLike, tolerance: float = TOLERANCE) -> Array:
        """log P(Q > q), as `logcdf`."""
        return self.enclose_log(q, upper=True, tolerance=tolerance)[0]

    def enclose_log(
        self, q: npt.ArrayLike, *, upper: bool, tolerance: float = TOLERANCE
    ) -> tuple[Array, Array]:
        """log P(Q > q), or log P(Q ≤ q), and a bound on the error of each logarithm.

        It covers truncation and aliasing rigorously, rounding to first order.
        """
        between(tolerance, "the tolerance of a log-probability", 0.99e-13, 0.5)
        q = real(q, "a quantile")
        shape = self._beside(q)
        flat = self._flat(q, shape)
        unit, components = self.in_units()
        shift = self.shift.reshape(-1)
        slack = 2 * EPS * (np.abs(flat) + shift) / unit
        laws = components.take(np.tile(np.arange(len(unit)), len(flat)))
        values, errors = log_probability(
            laws, ((flat - shift) / unit).reshape(-1), slack.reshape(-1), upper
        )
        self._enforce(errors, tolerance)
        return values.reshape(shape), errors.reshape(shape)

    def enclose(self, q: npt.ArrayLike, tolerance: float = TOLERANCE) -> tuple[Array, Array]:
        """P(Q ≤ q), and a bound on the error of each value.

        It covers truncation and aliasing rigorously, rounding to first order; where the law is a
        single noncentral chi-square within SciPy's range it is SciPy's own accuracy, 1e-10.
        """
        q = real(q, "a quantile")
        shape = self._beside(q)
        values, errors = self._probabilities(tolerance).evaluate(self._flat(q, shape))
        self._enforce(errors, tolerance)
        return values.reshape(shape), errors.reshape(shape)

    def ppf(self, p: npt.ArrayLike, tolerance: float = TOLERANCE) -> Array:
        """A q with P(Q ≤ q) = p within `tolerance`, p broadcast against the batch.

        Raises InputError for p nearer to 0 or 1.
        """
        p = real(p, "a probability")
        if not ((p >= tolerance) & (p <= 1 - tolerance)).all():
            raise InputError(
                f"a probability must lie in [{tolerance:g}, 1 − {tolerance:g}]: lower the "
                "tolerance to go further out"
            )
        shape = self._beside(p)
        quantiles, errors = self._probabilities(tolerance).invert(self._flat(p, shape))
        self._enforce(errors, tolerance)
        return quantiles.reshape(shape)

    def _beside(self, values: Array) -> tuple[int, ...]:
        try:
            return np.broadcast_shapes(values.shape, self.batch)
        except ValueError as error:
            raise InputError(
                f"numbers of shape {values.shape} do not go with a batch of laws "
                f"{self.batch}: {error}"
            ) from error

    def _flat(self, values: Array, shape: tuple[int, ...]) -> Array:  # -> (Q, B)
        return np.broadcast_to(values, shape).reshape(-1, max(1, int(np.prod(self.batch))))

    def in_units(self) -> tuple[Array, Components]:
        """A unit for each law (B,), and its components in that unit: none under- or overflows."""
        count = max(1, int(np.prod(self.batch)))
        weights, dofs, squares = (
            part.reshape(count, -1) for part in (self.weights, self.dofs, self.squares)
        )
        unit = np.maximum(
            np.maximum(weights.max(1, initial=0), squares.max(1, initial=0)),
            np.finfo(np.float64).tiny,
        )
        return unit, Components(weights / unit[:, None], dofs, squares / unit[:, None])

    def _probabilities(self, tolerance: float) -> Probabilities:
        between(tolerance, "the tolerance of a probability", 0.99e-13, 0.5)
        if (self.hidden(tolerance) & (self.variance > 0)).any():
            raise InputError(
                "the law is narrower than the rounding of its shift: it is a point for float64"
            )
        unit, components = self.in_units()
        return Probabilities(self.shift.reshape(-1), unit, components, tolerance)

    @staticmethod
    def _enforce(errors: Array, tolerance: float) -> None:
        worst = errors.max(initial=0)
        if not worst <= tolerance:
            raise InputError(
                f"probabilities of the law are uncertain by {worst:.1g}, more than "
                f"{tolerance:g}: raise the tolerance"
            )

    def interval(self, level: float, tolerance: float = TOLERANCE) -> tuple[Array, Array]:
        """The central band that holds Q with probability `level`, 0 < level < 1.

        Returns its two quantiles.
        """
        between(level, "the level of a band", 0, 1)
        return self.ppf((1 - level) / 2, tolerance), self.ppf((1 + level) / 2, tolerance)

    def sample(self, size: int, rng: np.random.Generator) -> Array:
        """`size` independent draws of Q, (size, *batch); raises InputError for a size below 1."""
        whole(size, "the number of draws")
        shape = (size, *self.weights.shape)
        first = np.sqrt(self.squares) + np.sqrt(self.weights) * rng.standard_normal(shape)
        others = self.weights * rng.chisquare(np.maximum(self.dofs - 1, 1), shape)
        return (
            self.shift
            + np.where(self.dofs > 0, first**2, 0).sum(-1)
            + np.where(self.dofs > 1, others, 0).sum(-1)
        )


def side_by_side(laws: Sequence[GeneralizedChiSquare]) -> GeneralizedChiSquare:
    """Laws of one batch shape as one batch, by a new first axis; it has no `draws`."""
    most = max(law.weights.shape[-1] for law in laws)
    weights, dofs, squares = (
        np.stack([_widened(getattr(law, name), most) for law in laws])
        for name in ("weights", "dofs", "squares")
    )
    return GeneralizedChiSquare(np.stack([law.shift for law in laws]), weights, dofs, squares)


def _widened(part: Array, components: int) -> Array:
    """With components that are 0 behind the others."""
    missing = components - part.shape[-1]
    return np.pad(part, [(0, 0)] * (part.ndim - 1) + [(0, missing)])
