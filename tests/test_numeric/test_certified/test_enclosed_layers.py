"""Layers on enclosed tensors: exact values, slopes and products lie inside."""

import copy

import pytest
import torch
from flint import arb, arb_mat
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import gaussian
from torch import Tensor, nn
from torch.nn import functional
from twins import dense_twin

from derivations.errors import InputError, UnknownNodeError
from numeric.certified.balls import precise
from numeric.certified.enclosed_layers import run
from numeric.certified.enclosed_tensors import Enclosed
from numeric.certified.torch_functions import as_layer


def batch_norm() -> nn.BatchNorm2d:
    layer = nn.BatchNorm2d(4)
    layer.running_mean.copy_(gaussian(4, seed=1))
    layer.running_var.copy_(gaussian(4, seed=2).abs() + 0.1)
    layer.weight.data.copy_(gaussian(4, seed=3))
    return layer


AFFINE = {
    "conv": lambda: nn.Conv2d(4, 3, 3, padding=1),
    "strided conv": lambda: nn.Conv2d(4, 3, 3, stride=2, padding=1),
    "dilated conv": lambda: nn.Conv2d(4, 3, 3, dilation=2, padding=2, bias=False),
    "grouped conv": lambda: nn.Conv2d(4, 6, (1, 3), groups=2),
    "same conv": lambda: nn.Conv2d(4, 3, 3, padding="same", dilation=2),
    "circular conv": lambda: nn.Conv2d(4, 3, 3, padding=2, padding_mode="circular"),
    "reflected conv": lambda: nn.Conv2d(4, 3, 3, padding=1, padding_mode="reflect"),
    "replicated conv": lambda: nn.Conv2d(4, 3, 3, padding=2, padding_mode="replicate"),
    "linear": lambda: nn.Linear(6, 5),
    "average pool": lambda: nn.AvgPool2d(3, stride=1, padding=1),
    "adaptive pool": lambda: nn.AdaptiveAvgPool2d((2, 3)),
    "upsample": lambda: nn.Upsample(scale_factor=2),
    "flatten": lambda: nn.Sequential(nn.Flatten(), nn.Unflatten(1, (6, 6, 4))),
    "identity": nn.Identity,
    "dropout": nn.Dropout,
    "batch norm": batch_norm,
}
ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky relu": lambda: nn.LeakyReLU(0.1),
    "negative leaky relu": lambda: nn.LeakyReLU(-0.5),
    "steep leaky relu": lambda: nn.LeakyReLU(3.0),
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}
LAYERS = (
    AFFINE
    | ACTIVATIONS
    | {"net": lambda: nn.Sequential(AFFINE["conv"](), nn.Tanh(), nn.Conv2d(3, 2, 2), nn.ReLU())}
)
X = gaussian(2, 4, 6, 6, seed=0)


def built(name: str) -> nn.Module:
    """In double precision and eval mode, weights drawn with a fixed seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return LAYERS[name]().double().eval()


def holds(enclosed: Enclosed, value: Tensor, slack: float = 0.0) -> bool:
    return bool(((value - enclosed.mid).abs() <= enclosed.rad + slack).all())


@pytest.mark.parametrize("name", LAYERS)
def test_points_within_the_radius_stay_within(name):
    """Radii of 1e-3, so that rounding cannot matter, and points at their very ends."""
    layer, radius = built(name), 1e-3
    shifts = [gaussian(*X.shape, seed=seed).sign() for seed in range(20)]
    found = run(layer, Enclosed(X, torch.full_like(X, radius)))
    u = gaussian(*found.value.shape, seed=7)
    v = gaussian(*X.shape, seed=8)
    pulled, pushed = (
        found.pull(Enclosed(u, radius * u.abs())),
        found.push(Enclosed(v, radius * v.abs())),
    )
    for shift in shifts:
        x = X + radius * shift
        assert holds(found.value, layer(x), slack=1e-12)
        back = torch.autograd.functional.vjp(layer, x, u * (1 + radius * shift.flatten()[0]))[1]
        assert holds(pulled, back, slack=1e-12)
        tangent = torch.autograd.functional.jvp(layer, x, v * (1 + radius * shift))[1]
        assert holds(pushed, tangent, slack=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_stored_tensors_leave_only_rounding(name):
    layer = built(name)
    found = run(layer, Enclosed.exactly(X))
    u = Enclosed.exactly(gaussian(*found.value.shape, seed=7))
    for enclosed in (found.value, found.pull(u), found.push(Enclosed.exactly(X))):
        assert (enclosed.rad <= 1e-11 * (1 + enclosed.mid.abs().max())).all()
    assert holds(found.value, layer(X), slack=1e-15)


@pytest.mark.parametrize(
    "name", [name for name in AFFINE if name not in ("average pool", "adaptive pool", "batch norm")]
)
def test_affine_layers_enclose_exact_arithmetic_without_slack(name):
    """Entries of J are stored weights, or sums of few that are exact here: weights have 20 bits."""
    layer = built(name)
    for weight in layer.parameters():
        weight.data = (weight.data * 2**20).round() / 2**20
    matrix = dense_twin.jacobian(layer, X)[0]
    found = run(layer, Enclosed.exactly(X))
    offset = layer(torch.zeros_like(X))[:1].detach()  # the bias, exactly
    u = gaussian(*found.value.shape, seed=7)
    assert_holds(found.value, matrix, X, offset)
    assert_holds(found.push(Enclosed.exactly(X)), matrix, X, torch.zeros_like(offset))
    assert_holds(found.pull(Enclosed.exactly(u)), matrix.T, u, torch.zeros_like(X[:1]))


def assert_holds(found: Enclosed, matrix: Tensor, x: Tensor, offset: Tensor) -> None:
    with precise():
        exact = arb_mat(matrix.tolist()) * arb_mat([[value] for value in x[0].flatten().tolist()])
        rows = zip(
            found.mid[0].flatten().tolist(),
            found.rad[0].flatten().tolist(),
            offset.flatten().tolist(),
            strict=True,
        )
        for i, (mid, rad, shift) in enumerate(rows):
            assert abs(exact[i, 0] + arb(shift) - arb(mid)) <= arb(rad)


@settings(max_examples=50)
@given(st.floats(-30, 30), st.floats(0, 2), st.floats(-1, 1))
def test_activations_hold_their_value_and_slope(mid, rad, where):
    x = mid + rad * where
    for name in ACTIVATIONS:
        found = run(
            built(name),
            Enclosed(
                torch.tensor([[mid]], dtype=torch.float64),
                torch.tensor([[rad]], dtype=torch.float64),
            ),
        )
        leaf = torch.tensor([[x]], dtype=torch.float64, requires_grad=True)
        value = built(name)(leaf)
        (slope,) = torch.autograd.grad(value, leaf)
        slack = 1e-14 * (1 + abs(x))
        assert holds(found.value, value.detach(), slack), name
        assert found.slopes is not None
        assert holds(found.slopes, slope, slack), name


def test_at_a_kink_that_is_stored_the_slope_is_that_of_the_negative_side():
    zero = Enclosed.exactly(torch.zeros(1, 1))
    assert run(nn.ReLU(), zero).slopes.mid == 0
    assert run(nn.ReLU(), run(nn.ReLU(), zero).value).slopes.rad == 0
    assert run(nn.LeakyReLU(0.5), zero).slopes.mid == 0.5


def test_at_a_kink_that_is_not_known_the_slope_is_anything_between():
    near = Enclosed(torch.zeros(1, 1).double(), torch.full((1, 1), 1e-300, dtype=torch.float64))
    slopes = run(nn.ReLU(), near).slopes
    assert slopes.low <= 0
    assert slopes.high >= 1


@pytest.mark.parametrize("function", [torch.relu, functional.relu, torch.sigmoid, torch.tanh])
def test_functions_stand_for_their_layers(function):
    assert torch.allclose(run(as_layer(function), Enclosed.exactly(X)).value.mid, function(X))


def test_kinds_are_told_apart():
    assert all(run(built(name), Enclosed.exactly(X)).affine for name in AFFINE)
    assert not any(run(built(name), Enclosed.exactly(X)).affine for name in ACTIVATIONS)
    assert all(run(built(name), Enclosed.exactly(X)).slopes is not None for name in ACTIVATIONS)


def poisoned() -> nn.Linear:
    layer = nn.Linear(6, 5)
    layer.weight.data[0, 0] = torch.nan
    return layer


@pytest.mark.parametrize(
    ("layer", "error", "message"),
    [
        (nn.Softmax(1), UnknownNodeError, "Softmax"),
        (nn.MaxPool2d(2), UnknownNodeError, "MaxPool2d"),
        (nn.LayerNorm(6), UnknownNodeError, "LayerNorm"),
        (nn.ConvTranspose2d(4, 3, 3), UnknownNodeError, "ConvTranspose2d"),
        (lambda x: x, UnknownNodeError, "function"),
        (nn.BatchNorm2d(4), InputError, r"training mode: call model.eval\(\)"),
        (nn.Dropout(), InputError, "training mode"),
        (nn.BatchNorm2d(4, track_running_stats=False).eval(), InputError, "running statistics"),
        (nn.GELU("tanh"), InputError, "approximate"),
        (nn.Upsample(scale_factor=2, mode="bilinear"), InputError, "nearest"),
        (poisoned(), InputError, "finite"),
    ],
)
def test_what_has_no_rule_is_refused(layer, error, message):
    with pytest.raises(error, match=message):
        run(layer, Enclosed.exactly(X))


def test_a_subclass_with_a_forward_of_its_own_is_refused():
    class Doubled(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    with pytest.raises(UnknownNodeError, match="Doubled"):
        run(Doubled(6, 5), Enclosed.exactly(X))


def test_a_layer_with_a_hook_is_refused():
    layer = nn.Linear(6, 5)
    layer.register_forward_hook(lambda module, inputs, output: 2 * output)
    with pytest.raises(InputError, match="hooks"):
        run(layer, Enclosed.exactly(X))


def test_a_parametrized_layer_is_taken_with_the_weight_it_shows():
    layer = nn.utils.parametrizations.spectral_norm(nn.Linear(6, 5)).double().eval()
    assert holds(run(layer, Enclosed.exactly(X)).value, layer(X), slack=1e-15)


def test_layers_come_back_untouched():
    for name in LAYERS:
        layer = built(name).float()
        before = copy.deepcopy(layer.state_dict())
        found = run(layer, Enclosed.exactly(X))
        found.pull(found.value)
        assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())
        assert all(
            weight.dtype == torch.float32 and weight.grad is None for weight in layer.parameters()
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("slope", [-1.7, 0.1, 3.3, 0.5, 1e300])
def test_a_layers_own_number_is_what_its_network_makes_of_it(slope, dtype):
    """Single precision rounds a slope before it is used, by 5e-8 of it; double does not."""
    minus = Enclosed.exactly(-torch.ones(1, 1))
    sequence = run(nn.Sequential(nn.LeakyReLU(slope)), minus, dtype).parts[0]
    for found in (run(nn.LeakyReLU(slope), minus, dtype).slopes, sequence.slopes):
        used = torch.tensor(slope, dtype=torch.float32).double()
        assert found.low.item() <= slope <= found.high.item()
        if dtype == torch.float64:
            assert found.low.item() == found.high.item()
        elif used.isfinite():
            assert found.low.item() <= used.item() <= found.high.item()


def test_the_eps_of_a_norm_is_rounded_with_its_network():
    layer = nn.BatchNorm1d(1, eps=0.1).eval()
    layer.running_var.zero_()
    x = Enclosed.exactly(torch.ones(1, 1))
    double, single = (run(layer, x, dtype).slopes for dtype in (torch.float64, torch.float32))
    rounded = torch.tensor(0.1).double().item() ** -0.5
    assert double.high - double.low <= 1e-14
    assert not double.low.item() <= rounded <= double.high.item()
    assert single.low.item() <= rounded <= single.high.item()
    assert single.low <= double.low
    assert double.high <= single.high


def test_an_upsampling_that_depends_on_the_precision_is_refused_and_multiples_are_not():
    """31 · 2.3 entries are repeated otherwise in float32 than in float64."""
    x = Enclosed.exactly(torch.ones(1, 1, 31, 31))
    with pytest.raises(InputError, match="which entries it repeats depends on the precision"):
        run(nn.Upsample(scale_factor=2.3), x)
    for scale in (1, 2, 3, 5, 7):
        assert run(nn.Upsample(scale_factor=scale), x).value.shape[2] == 31 * scale
    assert run(nn.Upsample(size=62), Enclosed.exactly(torch.ones(1, 2, 31))).affine


@pytest.mark.parametrize("layer", [nn.Flatten(0, 1), nn.Flatten(0), nn.Unflatten(0, (1, 2))])
def test_a_layer_that_joins_or_splits_samples_is_refused(layer):
    with pytest.raises(InputError, match="it must keep the samples apart"):
        run(layer, Enclosed.exactly(torch.ones(2, 3, 5, 5)))


@pytest.mark.parametrize(
    ("layer", "value", "slope"),
    [
        (nn.Tanh(), (-1, 1), (0, 1)),
        (nn.Sigmoid(), (0, 1), (0, 0.25)),
        (nn.SiLU(), (-0.278464543, 300), (-0.0998394, 1.0998394)),
        (nn.GELU(), (-0.169971, 300), (-0.1289042, 1.1289042)),
    ],
)
def test_what_is_enclosed_widely_spans_no_more_than_its_range(layer, value, slope):
    wide = Enclosed(torch.zeros(1, 2).double(), torch.tensor([[0.1, 300.0]]).double())
    found = run(layer, wide)
    for enclosed, (low, high) in ((found.value, value), (found.slopes, slope)):
        assert enclosed.low[0, 1] <= low + 1e-6
        assert enclosed.high[0, 1] >= high - 1e-6
        assert enclosed.low[0, 1] >= low - 1e-5
        assert enclosed.high[0, 1] <= high + 1e-5
