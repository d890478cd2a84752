"""Gives the law of ‖∂L/∂x‖² over a dense random weight, from real tensors.

By the formulas of `derivations/laws/law_catalogue.py`. Every function takes one row per sample or
per draw and returns a batch of laws. Certainty: `law`, exact for Gaussian weights under the
conditions of the theorem named in each docstring. Each law states them as `draws`, and is of the
gain relative to `signal`, by default h: give ∂L/∂H of the block where h is another one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import kstest
from torch import Tensor

from derivations.algebra.showing import Showing, Shown
from derivations.errors import InputError
from numeric.laws.characteristic_inversion import EPS, Array
from numeric.laws.chi_square import TOLERANCE, GeneralizedChiSquare, real
from numeric.laws.draws import OF_MASK, OF_SIGNAL, OF_SLOPES, drawn, of_draws
from numeric.laws.law_formulas import (
    along_coordinates,
    array,
    check_sizes,
    generalized,
    generalized_law,
    noncentral,
    noncentral_law,
    require,
)
from numeric.runs.sample_summary import written

GIVEN_ALL = "given all that they made of the inputs as it is"
RANK_TOLERANCE = 64
"""Singular values below this many n · eps, relative to the largest, are rounding noise."""


def independent_law(
    weight_std: float, h: Tensor, v: Tensor, *, signal: Tensor | None = None
) -> GeneralizedChiSquare:
    """‖v + Wᵀh‖² for h (batch, m) and v (batch, n) independent of W: law "independent.dense".

    Plain: v = 0, h = g; residual: v = h = g; dense step: v = g_y, h = g_F, signal = g.
    """
    h_, v_ = _columns(h=h, v=v)
    found = noncentral_law("independent.dense")
    law = noncentral(found, weight_std, {"g_W": h_, "g_y": v_}, {"n": np.asarray(v_.shape[-1])})
    return of_draws(law, drawn(weight_std, OF_SIGNAL), h, v, signal)


def masked_law(
    weight_std: float, h: Tensor, v: Tensor, active: Tensor, *, signal: Tensor | None = None
) -> GeneralizedChiSquare:
    """‖v + D Wᵀh‖² behind a ReLU, for h, v and D = diag(active) independent of W.

    Law "masked", for h (batch, m) and v (batch, n).
    """
    h_, v_ = _columns(h=h, v=v)
    mask = _mask(active, v_)
    letters = {"h": h_, "v_a": np.where(mask, v_, 0), "v_i": np.where(mask, 0, v_)}
    law = noncentral(noncentral_law("masked"), weight_std, letters, {"a": mask.sum(-1)})
    return of_draws(law, drawn(weight_std, OF_MASK), h, v, signal)


def pointwise_law(
    weight_std: float, h: Tensor, v: Tensor, slope: Tensor, *, signal: Tensor | None = None
) -> GeneralizedChiSquare:
    """‖v + diag(φ′(x)) Wᵀh‖² for any φ, all independent of W: law "pointwise".

    slope = φ′(x) is (batch, n).
    """
    h_, v_, slopes = _columns(h=h, v=v, slope=slope)
    require("slope", slopes, v_.shape)
    law = along_coordinates(generalized_law("pointwise"), weight_std, {"h": h_, "v": v_}, slopes)
    return of_draws(law, drawn(weight_std, OF_SLOPES), h, v, signal)


def conditional_law(
    weight_std: float,
    phi: Tensor,
    u: Tensor,
    h: Tensor,
    v: Tensor,
    active: Tensor | None = None,
    *,
    signal: Tensor | None = None,
) -> GeneralizedChiSquare:
    """‖v + D Wᵀh‖² inside a real network, given u = Wφ (no bias added).

    Law "conditional", exact for every draw. phi: (batch, n) what W was applied to. u: (batch, m) =
    Wφ. h: (batch, m) = ∂L/∂u, any function of u. v: (batch, n) what reaches x beside W, as the skip
    connection's g. active: (batch, n), D = diag(active); without it D = I, as for the first weight
    of a two-layer branch. Squeeze-and-excitation: h = Mᵀg, which is ∂L/∂u by autograd. Raises
    InputError where φ is not 0 outside the active coordinates (then use `batch_law`), or is 0 on
    all of them.
    """
    phi_, u_, h_, v_ = _columns(phi=phi, u=u, h=h, v=v)
    require("phi", phi_, v_.shape)
    require("h", h_, u_.shape)
    mask = np.ones(v_.shape, dtype=bool) if active is None else _mask(active, v_)
    if np.where(mask, 0, phi_).any():
        raise InputError(
            "φ(x) is not 0 on an inactive coordinate: this is no ReLU; use batch_law with the "
            "slopes φ′(x)"
        )
    length = np.linalg.norm(phi_, axis=-1, keepdims=True)
    if ((length[..., 0] == 0) & mask.any(-1)).any():
        raise InputError(
            "φ(x) is 0 though some coordinates are active: u says nothing of W; use "
            "independent_law or masked_law"
        )
    unit = np.where(length > 0, length, 1)
    letters = {
        "h": h_,
        "v_a": np.where(mask, v_, 0),
        "v_i": np.where(mask, 0, v_),
        "phi": phi_ / unit,
        "u": np.where(length > 0, u_, 0) / unit,
    }
    law = noncentral(noncentral_law("conditional"), weight_std, letters, {"a": mask.sum(-1)})
    return of_draws(law, drawn(weight_std, "given Wφ of the sample as it is"), h, v, signal)


def batch_law(
    weight_std: float,
    inputs: Tensor,
    outputs: Tensor,
    h: Tensor,
    v: Tensor,
    slope: Tensor | None = None,
    *,
    signal: Tensor | None = None,
) -> GeneralizedChiSquare:
    """‖v + diag(φ′(x)) Wᵀh‖² of samples that are coupled through the outputs W Φ of a batch.

    Law "conditional.batch". inputs: (uses, n) or (batch, uses, n), the inputs Φᵀ of all uses of W
    that h, v or the slope may depend on; outputs (…, uses, m) = (W Φ)ᵀ. h: (batch, m), v: (batch,
    n), slope: (batch, n), by default 1. A point where Φ has full row rank.
    """
    h_, v_ = _columns(h=h, v=v)
    slopes = np.ones_like(v_) if slope is None else array(slope, "slope")
    require("slope", slopes, v_.shape)
    check_sizes(slope=slopes.reshape(-1, slopes.shape[-1]))
    given, made = array(inputs, "inputs"), array(outputs, "outputs")
    lead = given.shape[:-1] if given.ndim == 2 else (*v_.shape[:-1], *given.shape[-2:-1])
    require("inputs", given, (*lead, v_.shape[-1]))
    require("outputs", made, (*lead, h_.shape[-1]))
    basis, seen = _span(given, made)
    letters = {"h": h_, "v": v_, "K": _diagonal(slopes), "V": basis, "U": seen.swapaxes(-1, -2)}
    law = generalized(generalized_law("conditional.batch"), weight_std, letters)
    return of_draws(law, drawn(weight_std, "given WΦ of all inputs Φ as it is"), h, v, signal)


def shared_law(
    weight_std: float,
    inputs: Tensor,
    outputs: Tensor,
    pull: Tensor,
    v: Tensor,
    *,
    signal: Tensor | None = None,
) -> GeneralizedChiSquare:
    """‖v + Σ_o L_o w_o‖² given all outputs of a weight with rows w_o, used in many places.

    Law "conditional.shared". inputs: (batch, uses, n) = Φᵀ, outputs: (batch, uses, m), pull:
    (batch, m, p, n) the L_o, v: (batch, p). For tests and small layers: `convolution_layer.py`
    builds `pull` for a convolution. Without `signal` the law is of none that is known.
    """
    given, made, pulls, base = (
        array(inputs, "inputs"),
        array(outputs, "outputs"),
        array(pull, "pull"),
        array(v, "v"),
    )
    if min(given.ndim, made.ndim, base.ndim + 1) < 3:
        raise InputError(
            f"inputs {given.shape}, outputs {made.shape} and v {base.shape} must have an axis "
            "of samples"
        )
    lead = (len(base), *given.shape[1:-2])  # the uses of all samples may stand in one for all
    require("inputs", given, (1 if len(given) == 1 else len(base), *given.shape[1:]))
    require("outputs", made, (*given.shape[:-1], made.shape[-1]))
    require("v", base, (*lead, base.shape[-1]))
    require("pull", pulls, (*lead, made.shape[-1], base.shape[-1], given.shape[-1]))
    basis, seen = _span(given, made)
    letters = {"L": pulls, "v": base, "V": basis[..., None, :, :], "u": seen.swapaxes(-1, -2)}
    law = generalized(generalized_law("conditional.shared"), weight_std, letters, slices=True)
    return of_draws(law, drawn(weight_std, GIVEN_ALL), None, v, signal)


def gain_cdf(
    law_of_square: GeneralizedChiSquare,
    signal_norm: Tensor | float,
    gain: npt.ArrayLike,
    tolerance: float = TOLERANCE,
) -> Array:
    """P(γ ≤ gain) for γ = ‖∂L/∂x‖ / signal_norm, signal_norm > 0 (*batch,)."""
    at = real(gain, "the gain")
    return law_of_square.cdf(
        np.sign(at) * (at * signal_lengths(signal_norm, law_of_square)) ** 2, tolerance
    )


def gain_log_probability(
    law_of_square: GeneralizedChiSquare,
    signal_norm: Tensor | float,
    gain: npt.ArrayLike,
    *,
    upper: bool,
    tolerance: float = TOLERANCE,
) -> Array:
    """log P(γ > gain), or log P(γ ≤ gain), each within `tolerance`: see `enclose_log`."""
    at = real(gain, "the gain")
    square = np.sign(at) * (at * signal_lengths(signal_norm, law_of_square)) ** 2
    return law_of_square.enclose_log(square, upper=upper, tolerance=tolerance)[0]


def gain_band(
    law_of_square: GeneralizedChiSquare,
    signal_norm: Tensor | float,
    level: float = 0.9,
    tolerance: float = TOLERANCE,
) -> tuple[Array, Array]:
    """The central band that holds γ = ‖∂L/∂x‖ / signal_norm with probability `level`.

    Returns its two quantiles.
    """
    low, high = law_of_square.interval(level, tolerance)
    length = signal_lengths(signal_norm, law_of_square)
    return np.sqrt(low) / length, np.sqrt(high) / length


@dataclass(frozen=True, repr=False)
class Fit(Shown):
    """How well draws agree with a law.

    The Kolmogorov–Smirnov distance of their probabilities from uniform, its p-value under the law,
    the number of draws, and how many more were left out because their law is (nearly) a point for
    float64.
    """

    distance: float
    p_value: float
    draws: int
    left_out: int

    def showing(self) -> Showing:
        row = (written(self.distance), written(self.p_value), str(self.draws), str(self.left_out))
        head = ("distance", "p-value", "draws", "left out")
        return Showing("Draws against their law (Kolmogorov–Smirnov)", head, (row,))


def goodness_of_fit(
    law_of_square: GeneralizedChiSquare, squares: npt.ArrayLike, tolerance: float = TOLERANCE
) -> Fit:
    """Tests ‖∂L/∂x‖² as measured against its law.

    Many draws of one law, or one draw of each of a batch of laws. P(Q ≤ measured) is uniform where
    the law is right (probability integral transform), also when every draw has a law of its own.
    Laws that are not `answerable` are left out: which ones is known before the measurement, so that
    the others stay uniform. Raises InputError where no draw is left.
    """
    measured = real(squares, "the measurement")
    if (measured < 0).any():
        raise InputError(f"a squared norm is never {measured.min():g}: give ‖∂L/∂x‖²")
    if law_of_square.batch and measured.shape != law_of_square.batch:
        raise InputError(
            f"a batch of laws {law_of_square.batch} takes one measurement each, not "
            f"{measured.shape}"
        )
    kept = law_of_square.answerable(tolerance)
    if not kept.any():
        raise InputError("every law is a point for float64: its draws have no distribution to test")
    if law_of_square.batch:
        law_of_square, measured = law_of_square.where(kept), measured[kept]
    test = kstest(law_of_square.cdf(measured, tolerance).reshape(-1), "uniform")
    return Fit(float(test.statistic), float(test.pvalue), measured.size, int((~kept).sum()))


def _span(inputs: Array, outputs: Array) -> tuple[Array, Array]:
    """V (…, n, r) orthonormal, spanning the inputs, and (W V)ᵀ (…, r, m) from the outputs.

    Inputs are (…, uses, n), outputs (…, uses, m). Where the inputs of one batch entry have a lower
    rank than r, the columns of V that it lacks are 0.
    """
    # W φ tells as much of W however long φ is: uses of different sizes are no rounding noise.
    sizes = np.abs(inputs).max(-1, keepdims=True)
    unit = np.where(sizes > 0, sizes, 1)
    inputs, outputs = inputs / unit, outputs / unit
    left, sizes, right = np.linalg.svd(inputs.swapaxes(-1, -2), full_matrices=False)
    kept = sizes > RANK_TOLERANCE * max(inputs.shape[-2:]) * EPS * sizes.max(
        -1, keepdims=True, initial=0
    )
    inverse = np.where(kept, 1 / np.where(kept, sizes, 1), 0)
    return left * kept[..., None, :], inverse[..., :, None] * (right @ outputs)


def _columns(**tensors: Tensor) -> list[Array]:
    columns = {name: array(tensor, name) for name, tensor in tensors.items()}
    if len({column.shape[:-1] for column in columns.values()}) != 1:
        shapes = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items())
        raise InputError(f"one row per sample is expected in each of {shapes}")
    check_sizes(**{name: column.reshape(-1, column.shape[-1]) for name, column in columns.items()})
    return list(columns.values())


def _mask(active: Tensor, like: Array) -> npt.NDArray[np.bool_]:
    mask = active.detach().cpu().numpy() if isinstance(active, Tensor) else np.asarray(active)
    if mask.shape != like.shape or mask.dtype != np.bool_:
        raise InputError(
            f"active must be a boolean tensor of shape {like.shape}, not {mask.dtype} {mask.shape}"
        )
    return mask


def _diagonal(entries: Array) -> Array:
    return entries[..., None] * np.eye(entries.shape[-1])


def signal_lengths(lengths: Tensor | float, law_of_square: GeneralizedChiSquare) -> Array:
    """The norms of the signals that gains are relative to, one or (*batch,).

    Raises InputError for one that is not > 0, or that does not go with the laws.
    """
    found = (
        array(lengths, "the norm of the signal")
        if isinstance(lengths, Tensor)
        else real(lengths, "the norm of the signal")
    )
    if found.ndim:
        require("the norm of the signal", found, law_of_square.batch)
    if not (found > 0).all():
        raise InputError("the norm of the signal must be > 0: gains relative to 0 do not exist")
    return found
