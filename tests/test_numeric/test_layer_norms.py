import itertools
import math
from contextlib import suppress

import pytest
import torch
from flint import arb, arb_series
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import gaussian
from torch import Tensor, nn

from derivations.errors import InputError, UnknownNodeError
from numeric import dense
from numeric.balls import precise
from numeric.convolution_norms import circular_singular_values
from numeric.layer_norms import SLOPES, lipschitz_upper


def built(layer: nn.Module, seed: int = 0) -> nn.Module:
    """In double precision and eval mode, weights standard normal."""
    for index, weight in enumerate(layer.parameters()):
        weight.data = gaussian(*weight.shape, seed=seed + index)
    return layer.double().eval()


def norm(layer: nn.Module, shape: tuple[int, ...], seed: int = 0) -> float:
    """‖J‖₂ at a drawn input, by the dense twin."""
    return dense.sigma_max(dense.jacobian(layer, gaussian(1, *shape, seed=seed))).item()


CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    """Any convolution that PyTorch accepts, and the shape of an input that it takes."""
    axes, groups = draw(st.sampled_from([1, 2, 2, 2, 3])), draw(st.sampled_from([1, 1, 2]))
    sizes = tuple(draw(st.integers(3, 4 if axes == 3 else 7)) for _ in range(axes))
    settings_ = {
        "kernel_size": tuple(draw(st.integers(1, 3)) for _ in range(axes)),
        "stride": tuple(draw(st.integers(1, 3)) for _ in range(axes)),
        "padding": tuple(draw(st.integers(0, 2)) for _ in range(axes)),
        "dilation": tuple(draw(st.integers(1, 2)) for _ in range(axes)),
        "padding_mode": draw(st.sampled_from(["zeros", "zeros", "circular", "reflect", "replicate"])),
    }
    spans = [d * (k - 1) + 1 for d, k in zip(settings_["dilation"], settings_["kernel_size"], strict=True)]
    assume(all(n + 2 * p >= span for n, p, span in zip(sizes, settings_["padding"], spans, strict=True)))
    layer = CONVOLUTIONS[axes](2 * groups, draw(st.integers(1, 2)) * groups, groups=groups, **settings_)
    return built(layer, draw(st.integers(0, 99))), (2 * groups, *sizes)


@settings(max_examples=200, deadline=None)
@given(convolutions())
def test_convolutions_are_bounded_and_not_wildly(drawn):
    layer, shape = drawn
    bound, truth = lipschitz_upper(layer, shape), norm(layer, shape)
    assert bound >= truth * (1 - 1e-14)
    assert bound <= 6 * truth + 1e-9


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("size", [(4, 4), (5, 6), (8, 8)])
@pytest.mark.parametrize("groups", [1, 2])
def test_circular_convolutions_are_exact(kernel, size, groups):
    layer = built(nn.Conv2d(2, 4, kernel, padding=kernel // 2, padding_mode="circular", groups=groups))
    if kernel // 2 <= min(size):
        assert lipschitz_upper(layer, (2, *size)) == pytest.approx(norm(layer, (2, *size)), rel=1e-11)


@pytest.mark.parametrize("stride", [2, 4])
def test_strided_circular_convolutions_are_exact(stride):
    layer = built(nn.Conv2d(2, 3, 3, stride=stride, padding=1, padding_mode="circular"))
    assert lipschitz_upper(layer, (2, 8, 8)) == pytest.approx(norm(layer, (2, 8, 8)), rel=1e-11)


@pytest.mark.parametrize("stride", [2, 3])
def test_convolutions_whose_windows_do_not_overlap_are_exact(stride):
    layer = built(nn.Conv2d(2, 5, stride, stride=stride))
    assert lipschitz_upper(layer, (2, 6, 6)) == pytest.approx(norm(layer, (2, 6, 6)), rel=1e-11)


def test_the_bound_of_zero_padding_closes_as_the_image_grows():
    layer = built(nn.Conv2d(1, 1, 3, padding=1))
    ratios = [lipschitz_upper(layer, (1, size, size)) / norm(layer, (1, size, size)) for size in (3, 6, 12, 24)]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[-1] < 1.02


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 1), st.integers(0, 1), st.sampled_from([1, 2]), st.integers(0, 99))
def test_transposed_convolutions_are_bounded(kernel, stride, padding, extra, groups, seed):
    assume(extra < stride and kernel > padding)
    layer = built(nn.ConvTranspose2d(2, 2 * groups, kernel, stride, padding, extra, groups=groups), seed)
    bound, truth = lipschitz_upper(layer, (2, 4, 3)), norm(layer, (2, 4, 3))
    assert truth * (1 - 1e-14) <= bound <= 6 * truth


@pytest.mark.parametrize(("grid", "kernel"), [((5, 4), (3, 3)), ((6,), (3,)), ((2, 3), (3, 5)), ((3, 3, 3), (2, 2, 2))])
def test_fourier_gives_every_singular_value_of_a_circular_convolution(grid, kernel):
    """Against the SVD of the matrix written out, kernels larger than the circle included."""
    weight = gaussian(3, 2, *kernel, seed=0)
    places = list(itertools.product(*map(range, grid)))
    matrix = torch.zeros(len(places), 3, len(places), 2, dtype=torch.float64)
    for row, place in enumerate(places):
        for tap in itertools.product(*map(range, kernel)):
            column = places.index(tuple((o + q) % n for o, q, n in zip(place, tap, grid, strict=True)))
            matrix[row, :, column] += weight[(slice(None), slice(None), *tap)]
    truth = torch.linalg.svdvals(matrix.flatten(2).flatten(0, 1))
    found = circular_singular_values(weight, grid).flatten().sort(descending=True).values
    assert torch.allclose(found, truth, rtol=1e-12, atol=1e-12)


def test_a_convolution_that_spectral_norm_calls_normalized_is_not():
    """PyTorch normalizes the reshaped kernel, whose norm is neither that of the convolution nor a bound of it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = nn.utils.parametrizations.spectral_norm(nn.Conv2d(8, 8, 3, padding=1), n_power_iterations=100).double().eval()
    assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, rel=1e-6)
    truth = norm(layer, (8, 8, 8))
    assert truth > 1.5
    assert truth <= lipschitz_upper(layer, (8, 8, 8)) <= 1.1 * truth
    shallow = nn.utils.parametrizations.spectral_norm(nn.Conv2d(1, 1, 3, padding=1)).double().eval()
    shallow.parametrizations.weight.original.data.fill_(1.0)
    assert norm(shallow, (1, 16, 16)) > 2.9  # the bound is 3 = √(kernel size), for a constant kernel


LAYERS: dict[str, tuple[nn.Module, tuple[int, ...], float]] = {  # and how loose the bound may be
    "linear": (nn.Linear(5, 7), (5,), 1e-12),
    "linear on images": (nn.Linear(5, 7), (2, 5), 1e-12),
    "batch norm": (nn.BatchNorm2d(3), (3, 2, 2), 1e-12),
    "batch norm without weights": (nn.BatchNorm1d(3, affine=False), (3,), 1e-12),
    "average pool": (nn.AvgPool2d(2), (2, 4, 4), 1e-12),
    "overlapping average pool": (nn.AvgPool2d(3, stride=1, padding=1), (1, 6, 6), 0.2),
    "average pool that leaves out padding": (nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False), (1, 6, 6), 0.5),
    "adaptive pool": (nn.AdaptiveAvgPool2d(1), (2, 4, 4), 1e-12),
    "uneven adaptive pool": (nn.AdaptiveAvgPool1d(3), (2, 7), 0.5),
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


def test_a_sequence_is_bounded_by_the_product():
    layer = built(nn.Sequential(nn.Conv2d(2, 3, 3, stride=2), nn.SiLU(), nn.Flatten(), nn.Linear(27, 4)))
    bound = lipschitz_upper(layer, (2, 7, 7))
    parts = [lipschitz_upper(layer[0], (2, 7, 7)), lipschitz_upper(layer[1], ()), lipschitz_upper(layer[3], (27,))]
    assert bound == pytest.approx(math.prod(parts), rel=1e-14)
    assert bound >= norm(layer, (2, 7, 7))


FORMULAS = {
    nn.SiLU: lambda z: z / (1 + (-z).exp()),
    nn.GELU: lambda z: z * (1 + (z / arb(2).sqrt()).erf()) / 2,
    nn.Mish: lambda z: z * (1 - 2 / (1 + (1 + z.exp()) * (1 + z.exp()))),
}


def slope_stays_below(formula, low: arb, high: arb, bound: arb, depth: int = 0) -> bool:
    """|φ′| ≤ bound on [low, high], by bisection: proved, not sampled."""
    with suppress(ValueError):  # of an interval too wide for a quotient
        if abs(formula(arb_series([low.union(high), 1], 2))[1]) <= bound:
            return True
    middle = (low + high) / 2
    return depth < 40 and all(slope_stays_below(formula, *ends, bound, depth + 1) for ends in ((low, middle), (middle, high)))


@pytest.mark.parametrize("kind", FORMULAS)
def test_slopes_that_exceed_1_are_proved_by_interval_search(kind):
    """On [−30, 30]; beyond, they are within 1e-10 of 0 or 1. Those of the others are s(1 − s), 1 − tanh², s or piecewise constant."""
    with precise():
        assert slope_stays_below(FORMULAS[kind], arb(-30), arb(30), arb(SLOPES[kind](kind())))


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
        (nn.BatchNorm1d(3, track_running_stats=False).eval(), (3,), InputError, "running statistics"),
        (nn.LazyLinear(2), (3,), InputError, "not initialized"),
        (poisoned(torch.nan), (3,), InputError, "finite"),
        (poisoned(-torch.inf), (3,), InputError, "finite"),
        (nn.Linear(4, 2), (3,), InputError, "takes no input of shape"),
        (nn.Conv2d(1, 1, 3), (1, 2, 2), InputError, "takes no input of shape"),
        (nn.Conv2d(1, 1, 3), (2, 5, 5), InputError, "takes no input of shape"),
        (nn.ConvTranspose2d(1, 1, 3), (2, 5, 5), InputError, "takes no input of shape"),
        (nn.MaxPool2d(3), (1, 2, 2), InputError, "takes no input of shape"),
    ],
)
def test_what_cannot_be_bounded_is_refused(layer, shape, error, message):
    with pytest.raises(error, match=message):
        lipschitz_upper(layer, shape)


def test_half_precision_weights_are_taken_as_they_are():
    layer = nn.Linear(6, 5)
    half = nn.Linear(6, 5).bfloat16()
    layer.weight.data = half.weight.data.float()
    assert lipschitz_upper(half, (6,)) == lipschitz_upper(layer, (6,))
