"""Bounds of what layers stretch: no less than the dense twin, tight, and proved for slopes."""

import copy
import math
from contextlib import suppress

import pytest
import torch
from flint import arb, arb_series
from torch import Tensor, nn
from twins.layer_twins import built, by_frequency, norm

from derivations.errors import InputError, UnknownNodeError
from numeric.certified.balls import precise
from numeric.certified.layer_lipschitz import SLOPES, lipschitz_upper

LAYERS: dict[str, tuple[nn.Module, tuple[int, ...], float]] = {  # and how loose the bound may be
    "linear": (nn.Linear(5, 7), (5,), 1e-12),
    "linear on images": (nn.Linear(5, 7), (2, 5), 1e-12),
    "batch norm": (nn.BatchNorm2d(3), (3, 2, 2), 1e-12),
    "batch norm without weights": (nn.BatchNorm1d(3, affine=False), (3,), 1e-12),
    "average pool": (nn.AvgPool2d(2), (2, 4, 4), 1e-12),
    "overlapping average pool": (nn.AvgPool2d(3, stride=1, padding=1), (1, 6, 6), 1e-12),
    "average pool that leaves out padding": (
        nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False),
        (1, 6, 6),
        1e-12,
    ),
    "adaptive pool": (nn.AdaptiveAvgPool2d(1), (2, 4, 4), 1e-12),
    "uneven adaptive pool": (nn.AdaptiveAvgPool1d(3), (2, 7), 1e-12),
    "max pool": (nn.MaxPool2d(2), (2, 4, 4), 1e-12),
    "overlapping max pool": (nn.MaxPool2d(3, stride=2, padding=1), (1, 6, 6), 1.0),
    "dilated max pool": (nn.MaxPool1d(3, stride=1, dilation=2), (1, 9), 1.0),
    "upsample": (nn.Upsample(scale_factor=3), (2, 2, 2), 1e-12),
    "flatten": (nn.Flatten(), (2, 3), 1e-12),
    "unflatten": (nn.Unflatten(1, (2, 3)), (6,), 1e-12),
    "dropout": (nn.Dropout(), (4,), 1e-12),
    "identity": (nn.Identity(), (4,), 1e-12),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_bounded_and_tight(name):
    layer, shape, loose = LAYERS[name]
    bound = lipschitz_upper(built(layer), shape)
    truth = max(norm(layer, shape, seed) for seed in range(5))
    assert truth * (1 - 1e-14) <= bound <= truth * (1 + loose)
    assert truth * (1 - 1e-14) <= by_frequency(layer, shape) <= truth * (1.5 + loose)


def test_a_sequence_is_bounded_by_the_product():
    layer = built(
        nn.Sequential(nn.Conv2d(2, 3, 3, stride=2), nn.SiLU(), nn.Flatten(), nn.Linear(27, 4))
    )
    bound = lipschitz_upper(layer, (2, 7, 7))
    parts = [
        lipschitz_upper(layer[0], (2, 7, 7)),
        lipschitz_upper(layer[1], ()),
        lipschitz_upper(layer[3], (27,)),
    ]
    assert bound == pytest.approx(math.prod(parts), rel=1e-14)
    assert bound >= norm(layer, (2, 7, 7))


FORMULAS = {
    nn.SiLU: lambda z: z / (1 + (-z).exp()),
    nn.GELU: lambda z: z * (1 + (z / arb(2).sqrt()).erf()) / 2,
    nn.Mish: lambda z: z * (1 - 2 / (1 + (1 + z.exp()) * (1 + z.exp()))),
    nn.SELU: lambda z: (
        arb("1.0507009873554804934193349852946")
        * arb("1.6732632423543772848170429916717")
        * (z.exp() - 1)
    ),
    nn.Hardsigmoid: lambda z: z / 6 + arb(1) / 2,
    "GELU, tanh": lambda z: (
        z * (1 - 1 / (1 + ((8 / arb.pi()).sqrt() * (z + arb("0.044715") * z * z * z)).exp()))
    ),
}


def slope_stays_below(formula, low: arb, high: arb, bound: arb, depth: int = 0) -> bool:
    """|φ′| ≤ bound on [low, high], by bisection: proved, not sampled."""
    with suppress(ValueError):  # of an interval too wide for a quotient
        if abs(formula(arb_series([low.union(high), 1], 2))[1]) <= bound:
            return True
    middle = (low + high) / 2
    return depth < 40 and all(
        slope_stays_below(formula, *ends, bound, depth + 1)
        for ends in ((low, middle), (middle, high))
    )


@pytest.mark.parametrize("kind", FORMULAS)
def test_slopes_that_exceed_1_are_proved_by_interval_search(kind):
    """On [−30, 30]; beyond, they are within 1e-10 of 0 or 1. The others: s(1 − s) ≤ ¼, 1 − tanh² ≤
    1, s ≤ 1 (Softplus), 1 − s ≤ 1 (LogSigmoid), (1 + |z|)⁻² ≤ 1 (Softsign), α exp z ≤ α and
    exp(z/α) ≤ 1 for z ≤ 0 (ELU, CELU), (2z + 3)/6 ≤ 3/2 for z ≤ 3 (Hardswish), or piecewise
    constant.
    """
    layer = nn.GELU("tanh") if isinstance(kind, str) else kind()
    with precise():
        end = arb(0) if kind is nn.SELU else arb(30)  # above 0 it is linear
        assert slope_stays_below(FORMULAS[kind], arb(-30), end, arb(lipschitz_upper(layer, (1,))))
        assert not slope_stays_below(
            FORMULAS[kind],
            arb(-2),
            min(end, arb(2)),
            arb(0.99 * lipschitz_upper(layer, (1,))),
            depth=30,
        )


GRID = torch.linspace(-20, 20, 400_001, dtype=torch.float64)
ACTIVATIONS = [
    *(kind() for kind in SLOPES),
    nn.LeakyReLU(-3.0),
    nn.ELU(2.0),
    nn.Softplus(3.0),
    nn.GELU("tanh"),
    nn.CELU(0.3),
    nn.Hardtanh(-2, 3),
]


@pytest.mark.parametrize("layer", ACTIVATIONS, ids=str)
def test_slopes_of_activations_are_bounded_and_attained(layer):
    leaf = GRID.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(layer(leaf).sum(), leaf)
    bound = lipschitz_upper(layer, (1,))
    assert slopes.abs().max() <= bound
    assert slopes.abs().max() >= bound * (1 - 1e-3)


class Own(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 100 * super().forward(x)


def poisoned(value: float) -> nn.Module:
    layer = nn.Linear(3, 2)
    layer.weight.data[0, 0] = value
    return layer


class OwnConvolution(nn.Conv2d):
    def _conv_forward(self, x: Tensor, *args: Tensor) -> Tensor:
        return 100 * super()._conv_forward(x, *args)


class OwnActivation(nn.ReLU):
    pass


def with_tensor(layer: nn.Module, name: str, value: Tensor) -> nn.Module:
    setattr(
        layer.eval(),
        name,
        nn.Parameter(value, requires_grad=False)
        if name in dict(layer.named_parameters())
        else value,
    )
    return layer


def hooked() -> nn.Module:
    layer = nn.Linear(3, 2)
    layer.register_forward_pre_hook(lambda module, inputs: (2 * inputs[0],))
    return layer


@pytest.mark.parametrize(
    ("layer", "shape", "error", "message"),
    [
        (nn.Softmax(1), (3,), UnknownNodeError, "Softmax"),
        (nn.LayerNorm(3), (3,), UnknownNodeError, "LayerNorm"),
        (nn.MultiheadAttention(4, 1), (4,), UnknownNodeError, "MultiheadAttention"),
        (nn.Sequential(nn.Linear(3, 3), nn.Softmax(1)), (3,), UnknownNodeError, "Softmax"),
        (Own(3, 2), (3,), UnknownNodeError, "Own"),
        (hooked(), (3,), InputError, "hooks"),
        (nn.BatchNorm1d(3), (3,), InputError, r"model.eval\(\)"),
        (nn.Sequential(nn.Flatten(), nn.BatchNorm1d(3)), (3,), InputError, r"model.eval\(\)"),
        (nn.Dropout(), (3,), InputError, r"model.eval\(\)"),
        (
            nn.BatchNorm1d(3, track_running_stats=False).eval(),
            (3,),
            InputError,
            "running statistics",
        ),
        (nn.LazyLinear(2), (3,), InputError, "not initialized"),
        (poisoned(torch.nan), (3,), InputError, "finite"),
        (poisoned(-torch.inf), (3,), InputError, "finite"),
        (nn.Linear(4, 2), (3,), InputError, "takes no input of shape"),
        (nn.Conv2d(1, 1, 3), (1, 2, 2), InputError, "takes no input of shape"),
        (nn.Conv2d(1, 1, 3), (2, 5, 5), InputError, "takes no input of shape"),
        (nn.ConvTranspose2d(1, 1, 3), (2, 5, 5), InputError, "takes no input of shape"),
        (nn.MaxPool2d(3), (1, 2, 2), InputError, "takes no input of shape"),
        (nn.AvgPool2d(3), (1, 2, 2), InputError, "takes no input of shape"),
        (nn.Unflatten(1, (2, 3)), (7,), InputError, "takes no input of shape"),
        (nn.BatchNorm2d(3).eval(), (4, 2, 2), InputError, "takes no input of shape"),
        (nn.MaxPool2d(2, return_indices=True), (1, 4, 4), InputError, "tuple"),
        (OwnConvolution(1, 1, 3), (1, 5, 5), UnknownNodeError, "_conv_forward"),
        (torch.relu, (3,), InputError, "no layer"),
        (nn.PReLU(), (3,), UnknownNodeError, "PReLU"),
        (nn.GroupNorm(1, 3), (3, 2), UnknownNodeError, "GroupNorm"),
        (nn.LSTM(3, 3), (3,), UnknownNodeError, "LSTM"),
        (
            with_tensor(nn.Linear(3, 2), "bias", torch.tensor([0, torch.nan])),
            (3,),
            InputError,
            "'bias'.*finite",
        ),
        (
            with_tensor(nn.Conv1d(1, 1, 1), "bias", torch.tensor([torch.inf])),
            (1, 4),
            InputError,
            "'bias'.*finite",
        ),
        (
            with_tensor(nn.BatchNorm1d(1), "running_mean", torch.tensor([torch.nan])),
            (1,),
            InputError,
            "'running_mean'.*finite",
        ),
        (
            with_tensor(nn.BatchNorm1d(1), "running_var", torch.tensor([-1.0])),
            (1,),
            InputError,
            "float64",
        ),
        (
            with_tensor(nn.Linear(3, 2, bias=False), "weight", torch.ones(2, 3, dtype=torch.int64)),
            (3,),
            InputError,
            "int64",
        ),
        (
            with_tensor(
                nn.Conv1d(1, 1, 1, bias=False), "weight", torch.ones(1, 1, 1, dtype=torch.bool)
            ),
            (1, 4),
            InputError,
            "bool",
        ),
        (nn.Linear(3, 2, dtype=torch.complex64), (3,), InputError, "complex64"),
        (nn.Linear(3, 2, device="meta"), (3,), InputError, "meta"),
        (nn.Conv2d(1, 1, 3, device="meta"), (1, 5, 5), InputError, "meta"),
        (nn.CELU(-1.0), (3,), InputError, "without bound"),
        (nn.LeakyReLU(math.nan), (3,), InputError, "without bound"),
        (nn.ELU(math.nan), (3,), InputError, "without bound"),
        (nn.ELU(math.inf), (3,), InputError, "without bound"),
        (nn.Softplus(0.0), (3,), InputError, "without bound"),
        (nn.Upsample(scale_factor=2, mode="bicubic"), (1, 4, 4), InputError, "nearest"),
        *(
            (nn.ReLU(), shape, InputError, "no sample")
            for shape in ((0,), (-3,), (2.5,), "abc", 5, None)
        ),
        (nn.Conv2d(4, 4, 3), (4, 0, 5), InputError, "no sample"),
    ],
)
def test_what_cannot_be_bounded_is_refused(layer, shape, error, message):
    with pytest.raises(error, match=message):
        lipschitz_upper(layer, shape)


def test_a_type_that_only_renames_an_activation_keeps_its_slope():
    assert lipschitz_upper(OwnActivation(), (3,)) == 1


@pytest.mark.parametrize("layer", [nn.Linear(2, 3), nn.Conv1d(2, 3, 1)])
def test_nothing_is_certified_while_subnormal_numbers_are_lost(layer):
    layer.double().weight.data.fill_(1e-320)
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush subnormal numbers")
    try:
        with pytest.raises(InputError, match="set_flush_denormal"):
            by_frequency(layer, (2, 2))
    finally:
        torch.set_flush_denormal(False)


def test_half_precision_weights_are_taken_as_they_are():
    layer = nn.Linear(6, 5)
    half = nn.Linear(6, 5).bfloat16()
    layer.weight.data = half.weight.data.float()
    assert lipschitz_upper(half, (6,)) == lipschitz_upper(layer, (6,))


@pytest.mark.parametrize("layer", [nn.LeakyReLU(-1.7), nn.ELU(1.7000000001)])
def test_a_slope_above_one_holds_in_single_precision_too(layer):
    """float32(1.7) = 1.7000000477."""
    slope = getattr(layer, "negative_slope", getattr(layer, "alpha", None))
    assert lipschitz_upper(layer, (3,)) == abs(torch.tensor(slope).double().item())


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("size", [5, 40])
def test_modes_of_torch_and_memory_formats_change_no_bound(mode, size):
    """Small layers are written out, large ones are bounded by frequency."""
    layer = nn.Conv2d(3, 3, 3, padding=1, padding_mode=mode)
    expected = lipschitz_upper(layer, (3, size, size))
    with torch.inference_mode():
        assert lipschitz_upper(layer, (3, size, size)) == expected
        born = copy.deepcopy(layer)
    with torch.no_grad():
        assert lipschitz_upper(layer, (3, size, size)) == expected
    assert lipschitz_upper(born, (3, size, size)) == expected
    layer.to(memory_format=torch.channels_last)
    assert lipschitz_upper(layer, (3, size, size)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "layer",
    [nn.Flatten(0, 1), nn.Flatten(0), nn.Flatten(-4, -3), nn.Unflatten(0, (1, 2))],
)
@pytest.mark.parametrize("channels", [2, 3])
def test_a_layer_that_joins_samples_is_refused(layer, channels):
    with pytest.raises(InputError, match="it must keep the samples apart"):
        lipschitz_upper(layer, (channels, 5, 5))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_layer_that_splits_a_batch_by_its_size_is_refused(count):
    with pytest.raises(InputError, match=r"takes no input of shape|keep the samples apart"):
        lipschitz_upper(nn.Unflatten(0, (count, 1)), (2, 5, 5))
