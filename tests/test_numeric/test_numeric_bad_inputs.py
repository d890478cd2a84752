"""What every public function of `numeric` does with bad tensors: a one-line refusal, no number."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from cases import layers
from strategies import gaussian
from torch import Tensor, nn
from twins.dense_twin import MatrixOperator

import numeric
from derivations.algebra.blocks import block
from derivations.errors import GradboundError
from derivations.laws.depth_laws import depth_laws
from numeric.evaluation.dense_inputs import square_root_law, vanishing_gain
from numeric.laws import dense_layer, mean_field
from numeric.laws.chi_square import GeneralizedChiSquare
from numeric.laws.convolution_layer import (
    Geometry,
    conditional_convolution_law,
    convolution_law,
    unfolded_signal,
)
from numeric.laws.depth_ratios import evaluate_law
from numeric.laws.law_quantiles import gain_quantiles

RESIDUAL = block("residual").term
IMAGE = gaussian(2, 4, 3, 3, seed=1)
ROWS = gaussian(3, 5, seed=2)
LAYERS = layers()
LINEAR = nn.Linear(5, 5).double()
OPERATOR = MatrixOperator(gaussian(3, 4, 5, seed=3))
LAW = GeneralizedChiSquare(np.zeros(3), np.ones((3, 2)), np.full((3, 2), 2.0), np.ones((3, 2)))
GEOMETRY = Geometry((3, 3), padding=(1, 1))


@dataclass(frozen=True)
class Target:
    """A function of named tensors that are good as they stand."""

    function: Callable[..., Any]
    tensors: dict[str, Tensor]


def with_weight(weight: Tensor) -> float:
    layer = nn.Linear(5, 3).double()
    layer.weight = nn.Parameter(weight, requires_grad=False)
    return numeric.lipschitz_upper(layer, (5,))


TARGETS = {
    "evaluate": Target(
        lambda x, g: numeric.evaluate(RESIDUAL, LAYERS, x, g), {"x": IMAGE, "g": IMAGE}
    ),
    "certify": Target(
        lambda x, g: numeric.certify(RESIDUAL, LAYERS, x, g), {"x": IMAGE, "g": IMAGE}
    ),
    "reachable": Target(lambda x: numeric.reachable(LINEAR, x), {"x": ROWS}),
    "reachable with a basis": Target(
        lambda basis: numeric.reachable(LINEAR, ROWS, basis=basis),
        {"basis": gaussian(5, 2, seed=3)},
    ),
    "weight_signals": Target(lambda x: numeric.weight_signals(LINEAR, x), {"x": ROWS}),
    "loss_bounds": Target(
        lambda to: numeric.loss_bounds(
            numeric.reachable(LINEAR, ROWS, basis="all"), 0, "z", "angle", to=to, theta=0.5
        ),
        {"to": ROWS},
    ),
    "certified_pair": Target(
        lambda x, columns: numeric.certified_pair(RESIDUAL, LAYERS, x, columns),
        {"x": IMAGE, "columns": gaussian(2, 36, 3, seed=3)},
    ),
    "JacobianOperator": Target(lambda x: numeric.JacobianOperator(LINEAR, x), {"x": ROWS}),
    "DiagonalOperator": Target(numeric.DiagonalOperator, {"diagonal": ROWS}),
    "push": Target(OPERATOR.push, {"v": ROWS}),
    "pull": Target(OPERATOR.pull, {"u": ROWS[:, :4]}),
    "check_batch_independence": Target(
        lambda x: numeric.check_batch_independence(LINEAR, x), {"x": ROWS}
    ),
    "norm": Target(numeric.norm, {"v": ROWS}),
    "inner": Target(numeric.inner, {"u": ROWS, "v": ROWS}),
    "cosine": Target(numeric.cosine, {"u": ROWS, "v": ROWS}),
    "input_parts": Target(
        lambda pullback, signal: numeric.input_parts(pullback, signal, [2, 3]),
        {"pullback": ROWS, "signal": ROWS},
    ),
    "spectral_norm_upper": Target(
        numeric.spectral_norm_upper, {"matrices": gaussian(2, 3, 4, seed=4)}
    ),
    "circular_singular_values": Target(
        lambda weight: numeric.circular_singular_values(weight, (4, 4)),
        {"weight": gaussian(2, 3, 3, 3, seed=4)},
    ),
    "local_lipschitz_upper": Target(
        lambda x: numeric.local_lipschitz_upper(LINEAR, x), {"x": ROWS}
    ),
    "lipschitz_upper": Target(with_weight, {"weight": gaussian(3, 5, seed=5)}),
    "independent_law": Target(
        lambda h, v: dense_layer.independent_law(0.5, h, v), {"h": ROWS, "v": ROWS}
    ),
    "masked_law": Target(
        lambda h, v: dense_layer.masked_law(0.5, h, v, ROWS > 0), {"h": ROWS, "v": ROWS}
    ),
    "pointwise_law": Target(
        lambda h, v, slope: dense_layer.pointwise_law(0.5, h, v, slope),
        {"h": ROWS, "v": ROWS, "slope": ROWS},
    ),
    "conditional_law": Target(
        lambda phi, u, h, v: dense_layer.conditional_law(0.5, phi, u, h, v),
        {"phi": ROWS, "u": ROWS[:, :4], "h": ROWS[:, :4], "v": ROWS},
    ),
    "batch_law": Target(
        lambda inputs, outputs, h, v, slope: dense_layer.batch_law(
            0.5, inputs, outputs, h, v, slope
        ),
        {"inputs": ROWS, "outputs": ROWS[:, :4], "h": ROWS[:, :4], "v": ROWS, "slope": ROWS},
    ),
    "shared_law": Target(
        lambda inputs, outputs, pull, v: dense_layer.shared_law(0.5, inputs, outputs, pull, v),
        {
            "inputs": gaussian(3, 2, 5, seed=6),
            "outputs": gaussian(3, 2, 4, seed=7),
            "pull": gaussian(3, 4, 6, 5, seed=8),
            "v": gaussian(3, 6, seed=9),
        },
    ),
    "convolution_law": Target(
        lambda h, v: convolution_law(0.5, h, v, GEOMETRY), {"h": IMAGE, "v": IMAGE}
    ),
    "conditional_convolution_law": Target(
        lambda phi, u, h, v: conditional_convolution_law(0.5, phi, u, h, v, GEOMETRY),
        {"phi": IMAGE, "u": IMAGE, "h": IMAGE, "v": IMAGE},
    ),
    "unfolded_signal": Target(lambda h: unfolded_signal(h, (3, 3), GEOMETRY), {"h": IMAGE}),
    "gain_quantiles": Target(
        lambda signal_norm: gain_quantiles(LAW, signal_norm, 0.1),
        {"signal_norm": ROWS[:, 0].abs()},
    ),
    "law_bounds": Target(
        lambda signal_norm: numeric.law_bounds(LAW, signal_norm, 0.1, condition="chance"),
        {"signal_norm": ROWS[:, 0].abs()},
    ),
    "gain_cdf": Target(
        lambda signal_norm: dense_layer.gain_cdf(LAW, signal_norm, 1.0),
        {"signal_norm": ROWS[:, 0].abs()},
    ),
    "gain_band": Target(
        lambda signal_norm: dense_layer.gain_band(LAW, signal_norm),
        {"signal_norm": ROWS[:, 0].abs()},
    ),
}


def first(value: float) -> Callable[[Tensor], Tensor]:
    def poison(tensor: Tensor) -> Tensor:
        changed = tensor.clone()
        changed.view(-1)[0] = value
        return changed

    return poison


POISONS: dict[str, Callable[[Tensor], Any]] = {
    "nan": first(torch.nan),
    "infinity": first(torch.inf),
    "minus infinity": first(-torch.inf),
    "empty batch": lambda tensor: tensor[:0],
    "one entry too few": lambda tensor: tensor[..., :-1],
    "scalar": lambda tensor: tensor.flatten()[0],
    "one axis too many": lambda tensor: tensor[None, None],
    "integers": lambda tensor: tensor.long(),
    "booleans": lambda tensor: tensor > 0,
    "complex numbers": lambda tensor: tensor + 0j,
    "no numbers": lambda tensor: tensor.to("meta"),
    "no tensor": lambda tensor: "a string",
    "sparse": lambda tensor: tensor.to_sparse(),
    "nested": lambda tensor: torch.nested.nested_tensor(
        list(tensor.flatten(1) if tensor.dim() > 1 else tensor[:, None])
    ),
    "opaque": lambda tensor: tensor.float().to_mkldnn(),
}
# What a function is free to take: any number of entries or axes, one length for all samples, a
# layer on more axes.
LEGAL = {
    "one entry too few": {
        "reachable with a basis",  # a basis of fewer columns
        "certified_pair.columns",
        "norm",
        "DiagonalOperator",
        "spectral_norm_upper",
        "circular_singular_values",
    }
    | {"independent_law.h", "independent_law.v", "masked_law.h", "pointwise_law.h"},
    "one axis too many": {
        "norm",
        "inner",
        "cosine",
        "DiagonalOperator",
        "JacobianOperator",
        "local_lipschitz_upper",
        "check_batch_independence",
    },
    "scalar": {"gain_cdf", "gain_band", "gain_quantiles"},
    "no tensor": {"lipschitz_upper"},  # torch refuses it as a weight
}
CASES = [
    (target, tensor, poison)
    for target in TARGETS
    for tensor in TARGETS[target].tensors
    for poison in POISONS
]


@pytest.mark.parametrize(
    ("target", "tensor", "poison"), CASES, ids=lambda value: value.replace(" ", "_")
)
def test_bad_tensors_are_refused_in_one_line(target, tensor, poison):
    if {target, f"{target}.{tensor}"} & LEGAL.get(poison, set()):
        pytest.skip("legal here")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of nested tensors
        spoilt = POISONS[poison](TARGETS[target].tensors[tensor])
    given = TARGETS[target].tensors | {tensor: spoilt}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(GradboundError) as refused:
            TARGETS[target].function(**given)
    assert str(refused.value).strip()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_tensors_unspoilt_are_taken(target):
    TARGETS[target].function(**TARGETS[target].tensors)


def chi_square(**changed: Any) -> GeneralizedChiSquare:
    parts = {
        "shift": np.zeros(3),
        "weights": np.ones((3, 2)),
        "dofs": np.full((3, 2), 2.0),
        "squares": np.ones((3, 2)),
    }
    return GeneralizedChiSquare(**parts | changed)


def diverged() -> nn.Module:
    layer = nn.Linear(5, 5).double()
    layer.bias.data[0] = torch.inf
    return layer


def overflown() -> nn.Module:
    norm = nn.BatchNorm1d(5).double().eval()
    norm.running_var.fill_(torch.inf)
    return norm


def attention() -> Callable[[Tensor], Tensor]:
    layer = nn.MultiheadAttention(4, 2, batch_first=True).double()
    return lambda x: layer(x, x, x)[0]


DEPTH_LAW = depth_laws()[0]
EMPTY = {
    "shift": np.zeros(0),
    "weights": np.ones((0, 2)),
    "dofs": np.ones((0, 2)),
    "squares": np.ones((0, 2)),
}
SETTINGS: dict[str, Callable[[], object]] = {
    "batch_bounds of coupled samples": lambda: numeric.batch_bounds(
        numeric.reachable(LINEAR, ROWS, joined=True), 0, "z"
    ),
    "loss_bounds of no class": lambda: numeric.loss_bounds(
        numeric.reachable(LINEAR, ROWS), 0, "z", ""
    ),
    "loss_bounds of no place": lambda: numeric.loss_bounds(numeric.reachable(LINEAR, ROWS), 5, "z"),
    "loss_bounds of labels out of range": lambda: numeric.loss_bounds(
        numeric.reachable(LINEAR, ROWS), 0, "z", "label", y=torch.tensor([0, 1, 9])
    ),
    "loss_bounds of labels of other samples": lambda: numeric.loss_bounds(
        numeric.reachable(LINEAR, ROWS), 0, "z", "label", y=torch.tensor([0, 1])
    ),
    "loss_bounds of labels that are numbers": lambda: numeric.loss_bounds(
        numeric.reachable(LINEAR, ROWS), 0, "z", "label", y=ROWS[:, 0]
    ),
    "reachable of no passes": lambda: numeric.reachable(LINEAR, ROWS, at_once=0),
    "reachable of nothing": lambda: numeric.reachable(None, ROWS),
    "sigma_max of no steps": lambda: numeric.sigma_max(OPERATOR, steps=0),
    "sigma_min_adjoint with delta 0": lambda: numeric.sigma_min_adjoint(OPERATOR, delta=0.0),
    "singular_extremes with delta 1": lambda: numeric.singular_extremes(OPERATOR, delta=1.0),
    "symmetric_extremes of a rectangle": lambda: numeric.symmetric_extremes(OPERATOR),
    "sigma_max with a negative seed": lambda: numeric.sigma_max(OPERATOR, seed=-1),
    "sigma_max with steps of no integer": lambda: numeric.sigma_max(OPERATOR, steps=2.5),
    "sigma_max of a function": lambda: numeric.sigma_max(torch.relu),
    "sigma_min_adjoint of nothing": lambda: numeric.sigma_min_adjoint(None),
    "singular_extremes of a matrix": lambda: numeric.singular_extremes(ROWS),
    "symmetric_extremes of a module": lambda: numeric.symmetric_extremes(nn.Linear(3, 3)),
    "frobenius of a function": lambda: numeric.frobenius(torch.relu),
    "frobenius of one sample": lambda: numeric.frobenius(OPERATOR, samples=1),
    "sigma_max with rtol 0": lambda: numeric.sigma_max(OPERATOR, rtol=0.0),
    "evaluate with no steps": lambda: numeric.evaluate(RESIDUAL, LAYERS, IMAGE, IMAGE, steps=0),
    "evaluate with no steps, though without spectra": lambda: numeric.evaluate(
        RESIDUAL, LAYERS, IMAGE, IMAGE, steps=0, spectra=False
    ),
    "evaluate with leaves that are no mapping": lambda: numeric.evaluate(
        RESIDUAL, None, IMAGE, IMAGE
    ),
    "evaluate of halves with leaves that are no mapping": lambda: numeric.evaluate(
        RESIDUAL, [], IMAGE.half(), IMAGE.half()
    ),
    "certify with leaves that are no mapping": lambda: numeric.certify(
        RESIDUAL, nn.ReLU(), IMAGE, IMAGE
    ),
    "realize with leaves that are no mapping": lambda: numeric.realize(RESIDUAL, None),
    "evaluate of a zero signal": lambda: numeric.evaluate(RESIDUAL, LAYERS, IMAGE, 0 * IMAGE),
    "certify of a zero signal": lambda: numeric.certify(RESIDUAL, LAYERS, IMAGE, 0 * IMAGE),
    "evaluate without leaves": lambda: numeric.evaluate(RESIDUAL, {}, IMAGE, IMAGE),
    "certify without leaves": lambda: numeric.certify(RESIDUAL, {}, IMAGE, IMAGE),
    "certify of an unknown layer": lambda: numeric.certify(
        RESIDUAL, {"F": nn.Softmax(1)}, ROWS, ROWS
    ),
    "realize without leaves": lambda: numeric.realize(RESIDUAL, {}),
    "realize of shapes that do not add up": lambda: numeric.realize(
        RESIDUAL, {"F": nn.Linear(3, 2)}
    )(torch.ones(1, 3)),
    "Adjoint of nothing": lambda: numeric.Adjoint(None),
    "InFloat32 of nothing": lambda: numeric.InFloat32(None),
    "Scaled by NaN": lambda: numeric.Scaled(OPERATOR, float("nan")),
    "Scaled by infinity": lambda: numeric.Scaled(OPERATOR, float("inf")),
    "Scaled by a complex number": lambda: numeric.Scaled(OPERATOR, 1j),
    "Sum of nothing": numeric.Sum,
    "Sum of shapes that differ": lambda: numeric.Sum(OPERATOR, numeric.Adjoint(OPERATOR)),
    "Product of nothing": numeric.Product,
    "Product of shapes that differ": lambda: numeric.Product(OPERATOR, OPERATOR),
    "Stack of nothing": numeric.Stack,
    "Stack of inputs that differ": lambda: numeric.Stack(OPERATOR, numeric.Adjoint(OPERATOR)),
    "IdentityOperator of no entries": lambda: numeric.IdentityOperator((0,), 1, torch.float64),
    "IdentityOperator of no samples": lambda: numeric.IdentityOperator((2,), 0, torch.float64),
    "IdentityOperator of integers": lambda: numeric.IdentityOperator((2,), 1, torch.int64),
    "IdentityOperator of half precision": lambda: numeric.IdentityOperator((2,), 1, torch.float16),
    "tolerances of integers": lambda: numeric.tolerances(torch.int32),
    "tolerances of half precision": lambda: numeric.tolerances(torch.bfloat16),
    "input_parts of sizes that do not add up": lambda: numeric.input_parts(ROWS, ROWS, [2, 2]),
    "input_parts of no sizes": lambda: numeric.input_parts(ROWS, ROWS, []),
    "square_root_law of no inputs": lambda: square_root_law(0),
    "vanishing_gain of an unknown block": lambda: vanishing_gain("nothing"),
    "JacobianOperator of no function": lambda: numeric.JacobianOperator(None, ROWS),
    "JacobianOperator of a diverged model": lambda: numeric.JacobianOperator(diverged(), ROWS),
    "lipschitz_upper of the wrong shape": lambda: numeric.lipschitz_upper(LINEAR, (4,)),
    "lipschitz_upper of no layer": lambda: numeric.lipschitz_upper("a layer", (4,)),
    "sequence_lipschitz_upper of the wrong shape": lambda: numeric.sequence_lipschitz_upper(
        LINEAR, (4,)
    ),
    "sequence_lipschitz_upper of no layer": lambda: numeric.sequence_lipschitz_upper("a", (5,)),
    "local_lipschitz_upper of no layer": lambda: numeric.local_lipschitz_upper("a layer", ROWS),
    "local_lipschitz_upper of the wrong shape": lambda: numeric.local_lipschitz_upper(
        LINEAR, ROWS[:, :4]
    ),
    "circular_singular_values on another grid": lambda: numeric.circular_singular_values(
        torch.ones(1, 1, 3), (4, 4)
    ),
    "a negative weight": lambda: chi_square(weights=-np.ones((3, 2))),
    "a negative shift": lambda: chi_square(shift=-np.ones(3)),
    "half a degree of freedom": lambda: chi_square(dofs=np.full((3, 2), 0.5)),
    "a mean without a degree of freedom": lambda: chi_square(dofs=np.zeros((3, 2))),
    "weights that are not finite": lambda: chi_square(weights=np.full((3, 2), np.nan)),
    "complex weights": lambda: chi_square(weights=np.ones((3, 2)) + 0j),
    "no laws": lambda: chi_square(**EMPTY),
    "parts that do not fit": lambda: chi_square(weights=np.ones((3, 4))),
    "shifts that do not fit": lambda: chi_square(shift=np.zeros(2)),
    "a quantile that is NaN": lambda: LAW.cdf(float("nan")),
    "quantiles that do not fit": lambda: LAW.cdf(np.ones(2)),
    "a quantile that is a word": lambda: LAW.cdf("one"),
    "a probability of 0": lambda: LAW.ppf(0.0),
    "a probability of 2": lambda: LAW.ppf(2.0),
    "a tolerance of 0": lambda: LAW.cdf(1.0, tolerance=0.0),
    "a factor below 0": lambda: LAW.scaled(-1.0),
    "no draws": lambda: LAW.sample(0, np.random.default_rng(0)),
    "a sum over no axis": lambda: LAW.sum_over(5),
    "gain_cdf of a signal of norm 0": lambda: dense_layer.gain_cdf(LAW, 0.0, 1.0),
    "gain_cdf of a gain that is NaN": lambda: dense_layer.gain_cdf(LAW, 1.0, float("nan")),
    "gain_quantiles that never miss": lambda: gain_quantiles(LAW, 1.0, 0.0),
    "gain_quantiles of a signal of norm 0": lambda: gain_quantiles(LAW, 0.0, 0.1),
    "law_bounds that always miss": lambda: numeric.law_bounds(
        LAW, torch.ones(3), 1.0, condition="chance"
    ),
    "law_bounds of no condition": lambda: numeric.law_bounds(LAW, torch.ones(3), 0.1),
    "evaluate with a law of no condition": lambda: numeric.evaluate(
        RESIDUAL, LAYERS, torch.ones(3, 4), torch.ones(3, 4), law=LAW
    ),
    "law_bounds of fewer samples": lambda: numeric.law_bounds(LAW, torch.ones(2), 0.1),
    "law_bounds of no law": lambda: numeric.law_bounds(0.1, torch.ones(3), 0.1),
    "evaluate with a law of other samples": lambda: numeric.evaluate(
        RESIDUAL, LAYERS, IMAGE, IMAGE, law=LAW
    ),
    "gain_band of level 1": lambda: dense_layer.gain_band(LAW, 1.0, 1.0),
    "goodness_of_fit of nothing": lambda: dense_layer.goodness_of_fit(
        GeneralizedChiSquare(0.0, [1.0], [2.0], [1.0]), []
    ),
    "goodness_of_fit of too few": lambda: dense_layer.goodness_of_fit(LAW, np.ones(2)),
    "goodness_of_fit of NaN": lambda: dense_layer.goodness_of_fit(LAW, np.full(3, np.nan)),
    "a negative weight deviation": lambda: dense_layer.independent_law(-1.0, ROWS, ROWS),
    "a weight deviation that is NaN": lambda: dense_layer.independent_law(float("nan"), ROWS, ROWS),
    "a mask of numbers": lambda: dense_layer.masked_law(0.5, ROWS, ROWS, ROWS),
    "a mask of another shape": lambda: dense_layer.masked_law(0.5, ROWS, ROWS, ROWS[:, :1] > 0),
    "a mask of no tensor": lambda: dense_layer.masked_law(0.5, ROWS, ROWS, None),
    "a convolution of another geometry": lambda: convolution_law(
        0.5, IMAGE, IMAGE, Geometry((3, 3))
    ),
    "a mask of images of another shape": lambda: convolution_law(
        0.5, IMAGE, IMAGE, GEOMETRY, active=IMAGE[:, :1] > 0
    ),
    "groups that do not divide": lambda: convolution_law(
        0.5, IMAGE, IMAGE, Geometry((3, 3), padding=(1, 1), groups=3)
    ),
    "Geometry of circular padding": lambda: Geometry.of(
        nn.Conv2d(1, 1, 3, padding_mode="circular")
    ),
    "a depth law of no blocks": lambda: evaluate_law(DEPTH_LAW, 0),
    "a depth law of an infinite gain": lambda: evaluate_law(DEPTH_LAW, 3, gain=float("inf")),
    "a depth law of a gain that is NaN": lambda: evaluate_law(DEPTH_LAW, 3, gain=float("nan")),
    "half_normal_residual of no blocks": lambda: mean_field.half_normal_residual(0),
    "rectified_residual of a negative gain": lambda: mean_field.rectified_residual(3, -1.0),
    "batch_norm_v1 of three layers": lambda: mean_field.batch_norm_v1(3, layers=3),
    "growth_exponent of no layers": lambda: mean_field.growth_exponent(0),
    "post_activation of unknown inputs": lambda: mean_field.post_activation(3, inputs="nothing"),
    "squeeze_excite of a gain that is NaN": lambda: mean_field.squeeze_excite(3, float("nan")),
    "squeeze_excite beyond float64": lambda: mean_field.squeeze_excite(3, 1e300),
    "post_activation beyond float64": lambda: mean_field.post_activation(3, 1e300),
    "half a block": lambda: mean_field.half_normal_residual(1.5),
    "NaN blocks": lambda: mean_field.rectified_residual(float("nan")),
    "a complex gain": lambda: mean_field.half_normal_residual(3, 1j),
    "a gain of no number": lambda: mean_field.post_activation(3, "one"),
    "half a normalized block": lambda: mean_field.batch_norm_v1(2.5),
    "half a normalized block by quadrature": lambda: mean_field.batch_norm_v1_by_quadrature(2.5),
    "growth_exponent of half a layer": lambda: mean_field.growth_exponent(1.5),
    "a walk that stands still": lambda: mean_field.reflected_walk(
        2, "half_normal", lambda second: 0.0, lambda second, variance: 1.0
    ),
    "a walk of a negative spread": lambda: mean_field.reflected_walk(
        2, "half_normal", lambda second: -1.0, lambda second, variance: 1.0
    ),
    "a walk of a negative gain": lambda: mean_field.reflected_walk(
        2, "half_normal", lambda second: 1.0, lambda second, variance: -1.0
    ),
    "a depth law of half a block": lambda: evaluate_law(DEPTH_LAW, 2.5),
    "a depth law of block one half": lambda: evaluate_law(DEPTH_LAW, 3, block=0.5),
    "a depth law of a complex gain": lambda: evaluate_law(DEPTH_LAW, 3, gain=1j),
    "a depth law of a width that is NaN": lambda: evaluate_law(
        DEPTH_LAW, 3, first_width=float("nan")
    ),
    "a depth law of a slope that is infinite": lambda: evaluate_law(
        DEPTH_LAW, 3, slope=float("inf")
    ),
    "square_root_law of half an input": lambda: square_root_law(2.5),
    "square_root_law of NaN": lambda: square_root_law(float("nan")),
    "input_parts of half sizes": lambda: numeric.input_parts(ROWS, ROWS, [2.5, 2.5]),
    "input_parts of a size that is 0": lambda: numeric.input_parts(ROWS, ROWS, [5, 0]),
    "a band inside out": lambda: LAW.interval(-0.5),
    "a band of level 0": lambda: LAW.interval(0.0),
    "a band of level NaN": lambda: LAW.interval(float("nan")),
    "gain_band inside out": lambda: dense_layer.gain_band(LAW, 1.0, -0.5),
    "a tolerance that is NaN": lambda: LAW.cdf(1.0, tolerance=float("nan")),
    "half a draw": lambda: LAW.sample(2.5, np.random.default_rng(0)),
    "factors that do not fit": lambda: LAW.scaled(np.ones(2)),
    "factors that would add laws": lambda: LAW.scaled(np.ones((2, 1))),
    "a choice of another shape": lambda: LAW.where(np.ones(2, bool)),
    "a choice of none": lambda: LAW.where(np.zeros(3, bool)),
    "a choice by numbers": lambda: LAW.where(np.array([0, 1, 2])),
    "a sum over half an axis": lambda: LAW.sum_over(0.0),
    "goodness_of_fit of negative squares": lambda: dense_layer.goodness_of_fit(LAW, -np.ones(3)),
    "a complex weight deviation": lambda: dense_layer.independent_law(1j, ROWS, ROWS),
    "weight deviations": lambda: dense_layer.independent_law(torch.zeros(3), ROWS, ROWS),
    "a kernel of no size": lambda: Geometry((0, 3)),
    "a kernel of half a size": lambda: Geometry((1.5, 3)),
    "a kernel of one number": lambda: Geometry(3),
    "a kernel of three numbers": lambda: Geometry((3, 3, 3)),
    "a stride of 0": lambda: Geometry((3, 3), stride=(0, 1)),
    "a dilation of 0": lambda: Geometry((3, 3), dilation=(1, 0)),
    "negative padding": lambda: Geometry((3, 3), padding=(-1, 0)),
    "no groups": lambda: Geometry((3, 3), groups=0),
    "Geometry of a linear layer": lambda: Geometry.of(nn.Linear(2, 2)),
    "Geometry of a transposed convolution": lambda: Geometry.of(nn.ConvTranspose2d(1, 1, 3)),
    "Geometry of a convolution of volumes": lambda: Geometry.of(nn.Conv3d(1, 1, 3)),
    "an image smaller than the kernel": lambda: Geometry((5, 5)).output_size((3, 3)),
    "an image without a width": lambda: Geometry((3, 3)).output_size((3,)),
    "JacobianOperator of infinite weights that saturate": lambda: numeric.JacobianOperator(
        nn.Sequential(diverged(), nn.Tanh()), ROWS
    ),
    "JacobianOperator of a normalization by infinity": lambda: numeric.JacobianOperator(
        overflown(), ROWS
    ),
    "JacobianOperator of an axis that is not there": lambda: numeric.JacobianOperator(
        lambda x: x.softmax(3), ROWS
    ),
    "JacobianOperator of a failed assertion": lambda: numeric.JacobianOperator(
        attention(), ROWS[:, None]
    ),
    "check_batch_independence of a failing function": lambda: numeric.check_batch_independence(
        nn.Linear(4, 4).double(), ROWS
    ),
    "a product beyond float64": lambda: numeric.Scaled(OPERATOR, 1e300).push(1e300 * ROWS),
    "evaluate of a structure that is none": lambda: numeric.evaluate(3, LAYERS, IMAGE, IMAGE),
    "certify of an unknown block": lambda: numeric.certify("resnet", LAYERS, IMAGE, IMAGE),
    "realize of a block's class": lambda: numeric.realize(dict, LAYERS),
    "evaluate of a signal in another precision": lambda: numeric.evaluate(
        RESIDUAL, LAYERS, IMAGE, IMAGE.float()
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_meaningless_settings_are_refused_in_one_line(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(GradboundError) as refused:
            SETTINGS[name]()
    assert str(refused.value).strip()
    assert "\n" not in str(refused.value)


OF_MODELS = {  # of whole models: their refusals are in test_numeric_capture_refusals.py
    "Captured",
    "CapturedModel",
    "InnerStep",
    "LeafMap",
    "SegmentNumbers",
    "capture",
    "check_model",
    "full_float32",
    "sample_weights",
    "segment_numbers",
    "segment_pullback",
    "segment_signals",
    "segment_spectra",
    "segment_values",
    "step_slopes",
    "untouched",
    "without_numbers",
}
DATA = OF_MODELS | {
    "TOLERANCES",
    "Tolerances",
    "PrecisionWarning",
    "BlockNumbers",
    "BoundNumbers",
    "CertifiedNumbers",
    "Enclosure",
    "LossBounds",
    "Reachable",
    "Estimate",
    "LinearOperator",
    "Leaf",
    "Network",
    "Realized",
    "RepeatedSkipWarning",
    "Segment",
    "VanishedSignalWarning",
}
"""Public names that compute nothing from what a user gives."""


@pytest.mark.parametrize("name", sorted(set(numeric.__all__) - DATA))
def test_every_public_function_is_in_the_tables(name):
    assert name in TARGETS or any(case.startswith(name) for case in SETTINGS)


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "not contiguous": lambda tensor: tensor.transpose(-1, 0).contiguous().transpose(-1, 0),
    "expanded": lambda tensor: tensor[None].expand(2, *tensor.shape)[0],
    "every second": lambda tensor: tensor.repeat_interleave(2, -1)[..., ::2],
    "requiring gradients": lambda tensor: tensor.clone().requires_grad_(),
    "no leaf": lambda tensor: tensor.clone().requires_grad_() * 1.0,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("target", [name for name in TARGETS if name != "lipschitz_upper"])
def test_the_layout_of_a_tensor_does_not_matter(target, layout):
    plain = TARGETS[target].function(**TARGETS[target].tensors)
    other = TARGETS[target].function(
        **{name: LAYOUTS[layout](tensor) for name, tensor in TARGETS[target].tensors.items()}
    )
    # 1e-11: what attains a bound is an eigenvector, moved by rounding over the gap of its value.
    assert numbers_of(other) == pytest.approx(numbers_of(plain), rel=1e-12, abs=1e-11)


def numbers_of(result: Any) -> list[float]:
    """All numbers in a result."""
    if isinstance(result, Tensor | np.ndarray):
        return (
            np.asarray(result.detach() if isinstance(result, Tensor) else result, np.float64)
            .reshape(-1)
            .tolist()
        )
    if isinstance(result, numeric.LinearOperator):
        return numbers_of(
            result.pull(torch.ones(result.batch, *result.out_shape, dtype=torch.float64))
        )
    if hasattr(result, "__dataclass_fields__"):
        result = [
            value
            for name, value in vars(result).items()
            if name not in ("terms", "id", "side", "certainty", "reason", "delta")
        ]
    return (
        [number for each in result for number in numbers_of(each)]
        if isinstance(result, tuple | list)
        else []
    )
