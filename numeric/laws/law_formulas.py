"""Evaluates the expressions of a derived law: the one way from a formula to a distribution.

Letters are given by name, as arrays (*batch, rows, columns) or (*batch, rows) for columns.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, reduce
from numbers import Real

import numpy as np
import numpy.typing as npt
import sympy as sp
from torch import Tensor

from derivations.errors import InputError, UnknownNodeError
from derivations.laws.law import OMEGA, GeneralizedLaw, Law, NoncentralLaw
from derivations.laws.law_catalogue import law as derived
from numeric.checks import described, is_dense
from numeric.laws.characteristic_inversion import EPS, Array
from numeric.laws.chi_square import GeneralizedChiSquare
from numeric.settings import between

Letters = Mapping[str, Array]

SQUARABLE = (1e-75, 1e75)
"""Between these sizes no product of the squares of a deviation and of a vector underflows or
overflows."""


def noncentral(
    law: NoncentralLaw, weight_std: float, letters: Letters, counts: Mapping[str, Array]
) -> GeneralizedChiSquare:
    """The law at real letters.

    `counts` gives the dimensions that its degrees of freedom speak of, (*batch,) each.
    """
    names = sorted(counts)
    formula = _compiled(_symbols(law, names), (law.shift, law.scale, law.square, law.dof))
    values = formula(
        deviation(weight_std), *_scalars(law, letters), *(counts[name] for name in names)
    )
    shift, scale, square, dof = np.broadcast_arrays(
        *(np.asarray(value, np.float64) for value in values)
    )
    # A difference of squares, and a dimension of what is given, may come out below 0.
    square, dof = np.maximum(square, 0), np.maximum(dof, 0)
    return GeneralizedChiSquare(
        shift, np.where(dof > 0, scale, 0)[..., None], dof[..., None], square[..., None]
    )


def generalized(
    law: GeneralizedLaw, weight_std: float, letters: Letters, slices: bool = False
) -> GeneralizedChiSquare:
    """The law at real letters.

    With `slices`, the letters of the response and factor have an axis of independent slices,
    (*batch, slices, rows, columns), over which means and covariances add up.
    """
    response, factor, base = (
        value(part, letters, law) for part in (law.response, law.factor, law.base)
    )
    mean = base + (response.sum(-3) if slices and response.ndim > base.ndim else response)
    shift, scale = _shift_and_scale(law, weight_std, letters)
    size = (value(law.factor, _nothing_given(letters), law) ** 2).sum((-1, -2))
    if not slices and factor.shape[-2] > factor.shape[-1]:
        return _few_columns(mean, factor, scale, shift, size)
    gram = factor @ factor.swapaxes(-1, -2)
    values, vectors = np.linalg.eigh(gram.sum(-3) if slices else gram)
    return norm_of_gaussian(mean, vectors, values, scale, shift, size.sum(-1) if slices else size)


def along_coordinates(
    law: GeneralizedLaw, weight_std: float, letters: Letters, entries: Array
) -> GeneralizedChiSquare:
    """The law at a diagonal factor diag(entries), (*batch, n), and no response: nothing is
    decomposed.
    """
    shift, scale = _shift_and_scale(law, weight_std, letters)
    squares, values = value(law.base, letters, law)[..., 0] ** 2, entries**2
    outside = np.zeros(squares.shape[:-1])
    return _independent_squares(values, squares, outside, scale, shift, values.sum(-1))


def _shift_and_scale(
    law: GeneralizedLaw, weight_std: float, letters: Letters
) -> tuple[Array, Array]:
    formula = _compiled(_symbols(law), (law.shift, law.scale))
    shift, scale = formula(deviation(weight_std), *_scalars(law, letters))
    return shift, scale


def _few_columns(
    mean: Array, factor: Array, scale: Array | float, shift: Array | float, size: Array
) -> GeneralizedChiSquare:
    """`norm_of_gaussian` of a factor A (*batch, p, r) with p > r, by AᵀA.

    That is many times faster than the singular values of A. Its rounding, some eps · tr AAᵀ, is
    below what is taken for 0 in any case.
    """
    transposed = factor.swapaxes(-1, -2)
    values, vectors = np.linalg.eigh(transposed @ factor)
    pulled = vectors.swapaxes(-1, -2) @ (transposed @ mean)
    some = _is_random(values, size)
    squares = np.where(some, pulled[..., 0] ** 2 / np.where(some, values, 1), 0)
    # Vectors of tiny values are hardly orthogonal; of μ there is no more than ‖μ‖².
    whole, found = (mean**2).sum((-2, -1)), squares.sum(-1)
    squares *= np.minimum(1, whole / np.where(found > 0, found, 1))[..., None]
    outside = np.maximum(whole - found, 0)
    return _independent_squares(values, squares, outside, scale, shift, size)


def _nothing_given(letters: Letters) -> Letters:
    """The letters with an empty span of inputs.

    With them a covariance is what it would be if nothing were given.
    """
    return {name: 0 * array if name == "V" else array for name, array in letters.items()}


def norm_of_gaussian(
    mean: Array,
    vectors: Array,
    values: Array,
    scale: Array | float,
    shift: Array | float,
    size: Array,
) -> GeneralizedChiSquare:
    """The law of shift + ‖N(mean, scale · covariance)‖² (law "gaussian").

    mean: (*batch, p, 1). Of the covariance the orthonormal eigenvectors (*batch, p, r) with their
    eigenvalues (*batch, r); outside their span it is 0. `size` is the trace of the covariance
    before anything was subtracted from it: eigenvalues below its rounding are 0. What the mean has
    in those directions joins the shift.
    """
    along = vectors.swapaxes(-1, -2) @ mean
    outside = ((mean - vectors @ along) ** 2).sum((-2, -1))
    return _independent_squares(values, along[..., 0] ** 2, outside, scale, shift, size)


def _independent_squares(
    values: Array,
    squares: Array,
    outside: Array,
    scale: Array | float,
    shift: Array | float,
    size: Array,
) -> GeneralizedChiSquare:
    """Along each direction one square, of a variance; `outside` is what the mean has elsewhere."""
    weights = np.where(_is_random(values, size), values, 0) * np.asarray(scale)[..., None]
    batch = np.broadcast_shapes(weights.shape, squares.shape)
    return GeneralizedChiSquare(
        np.broadcast_to(shift + outside, batch[:-1]), weights, np.ones(batch), squares
    )


def _is_random(values: Array, size: Array) -> npt.NDArray[np.bool_]:
    """Which eigenvalues are more than the rounding of a trace `size`."""
    return np.asarray(values > 8 * EPS * np.asarray(size)[..., None])


def noncentral_law(identifier: str) -> NoncentralLaw:
    """A derived law of that kind."""
    found = derived(identifier)
    if not isinstance(found, NoncentralLaw):
        raise InputError(f"{identifier} is a {found.kind} law, not a noncentral one")
    return found


def generalized_law(identifier: str) -> GeneralizedLaw:
    """A derived law of that kind."""
    found = derived(identifier)
    if not isinstance(found, GeneralizedLaw):
        raise InputError(f"{identifier} is a {found.kind} law, not a generalized one")
    return found


def array(tensor: Tensor, name: str) -> Array:
    """A letter's value in float64.

    Raises InputError where it is no real tensor, empty or not finite.
    """
    if (
        not isinstance(tensor, Tensor)
        or not tensor.is_floating_point()
        or not is_dense(tensor)
        or tensor.is_meta
        or not tensor.numel()
    ):
        raise InputError(
            f"{name} is {described(tensor)}: give a dense real tensor that holds at least one "
            "number"
        )
    entries = tensor.detach().cpu().double().numpy()
    if not np.isfinite(entries).all():
        raise InputError(f"{name} has an entry that is not finite")
    return entries


BESIDE: Mapping[str, tuple[str, ...]] = {"h": ("h", "v"), "v": ("h", "v"), "u": ("phi", "u")}
"""A letter may be small where another of these is not: what it adds is lost beside it."""


def check_sizes(**letters: Array) -> None:
    """Refuses a sample whose squares float64 cannot hold, whatever the other samples are.

    Letters are (batch, …).
    """
    sizes = {
        name: np.abs(letter).reshape(len(letter), -1).max(1) for name, letter in letters.items()
    }
    for name, size in sizes.items():
        beside = [sizes[other] for other in BESIDE.get(name, (name,)) if other in sizes]
        largest = np.max(beside, axis=0)
        wrong = (size > SQUARABLE[1]) | ((largest > 0) & (largest < SQUARABLE[0]))
        if wrong.any():
            sample = int(np.flatnonzero(wrong)[0])
            raise InputError(
                f"{name} has entries up to {size[sample]:.1e} in sample {sample}, whose squares "
                "float64 cannot hold: rescale the signal of that sample"
            )


def require(name: str, found: Array, expected: tuple[int, ...]) -> None:
    """Refuses an array that is not of the shape that the others ask for.

    NumPy might broadcast it, to another law.
    """
    if found.shape != expected:
        raise InputError(
            f"{name} has shape {found.shape}: beside the other tensors it must have {expected}"
        )


def value(expr: sp.MatrixExpr, letters: Letters, law: Law) -> Array:  # -> (*batch, rows, columns)
    """A matrix expression at its letters."""
    match expr:
        case sp.MatrixSymbol():
            if expr.name not in letters:
                raise InputError(
                    f"{law.id} needs the letter {expr.name}: give an array of shape (…, "
                    f"{expr.shape[0]}, {expr.shape[1]})"
                )
            array = letters[expr.name]
            return array[..., None] if expr.shape[1] == 1 else array
        case sp.Transpose():
            return value(expr.arg, letters, law).swapaxes(-1, -2)
        case sp.MatMul():
            coefficient, factors = expr.as_coeff_matrices()
            product = value(factors[0], letters, law)
            for factor in factors[1:]:
                product = product @ value(factor, letters, law)
            return float(coefficient) * product
        case sp.MatAdd():
            total = reduce(
                np.add,
                (
                    value(part, letters, law)
                    for part in expr.args
                    if not isinstance(part, sp.Identity)
                ),
            )
            identities = sum(1 for part in expr.args if isinstance(part, sp.Identity))
            return total + identities * np.eye(total.shape[-1]) if identities else total
        case sp.ZeroMatrix():
            return np.zeros((1, 1))
    raise UnknownNodeError(
        f"cannot evaluate {type(expr).__name__} of a law: teach numeric/laws/law_formulas.py"
    )


def _scalars(law: Law, letters: Letters) -> list[Array]:
    return [value(scalar.definition, letters, law)[..., 0, 0] for scalar in law.scalars]


def _symbols(law: Law, counts: Sequence[str] = ()) -> tuple[sp.Symbol, ...]:
    dimensions = (sp.Symbol(name, integer=True, positive=True) for name in counts)
    return (OMEGA, *(scalar.symbol for scalar in law.scalars), *dimensions)


@lru_cache(maxsize=64)
def _compiled(
    symbols: tuple[sp.Symbol, ...], exprs: tuple[sp.Expr, ...]
) -> Callable[..., tuple[Array, ...]]:
    return sp.lambdify(symbols, exprs, modules="numpy")


def deviation(weight_std: object) -> float:
    """ω as a number; raises InputError for one whose square float64 cannot hold."""
    if isinstance(weight_std, Real) and weight_std == 0:
        return 0.0
    found = between(weight_std, "the standard deviation of the weights")
    if not SQUARABLE[0] <= found <= SQUARABLE[1]:
        raise InputError(
            f"the standard deviation {found} is beyond what squares of float64 can hold: "
            "rescale the weights"
        )
    return found
