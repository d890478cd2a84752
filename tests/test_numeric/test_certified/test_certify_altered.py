"""Layers altered after they were built: refused, or certified as what they do, without slack."""

import random
from collections import OrderedDict
from contextlib import suppress

import pytest
import torch
from flint import arb, arb_mat
from strategies import gaussian
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules import module as everywhere
from torch.nn.utils import parametrizations, parametrize, prune
from twins.ball_norms import is_above
from twins.ball_twin import column, diagonal, length

from derivations.algebra.blocks import block
from derivations.errors import InputError, UnknownNodeError
from numeric.certified.balls import precise
from numeric.certified.certify import certify
from numeric.certified.layer_lipschitz import lipschitz_upper

X, G = gaussian(2, 4, seed=0), gaussian(2, 4, seed=1)
PLAIN = block("plain").term


def linear(seed: int = 0) -> nn.Linear:
    layer = nn.Linear(4, 4).double()
    layer.weight.data = gaussian(4, 4, seed=seed) / 2
    return layer


class Noise(nn.Module):
    """Another weight at each look."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight + 1e-3 * torch.randn_like(weight)


class Flicker(nn.Module):
    """Another weight at each look, without any random number."""

    looks = 0

    def forward(self, weight: Tensor) -> Tensor:
        self.looks += 1
        return weight * (1 + 1e-3 * (self.looks % 3))


class Scaled(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


class Property(nn.Linear):
    weight = property(lambda self: gaussian(4, 4, seed=random.randrange(1000)))


class Caller(nn.Linear):
    def _call_impl(self, x: Tensor) -> Tensor:
        return 2 * super()._call_impl(x)


class Getter(nn.Linear):
    def __getattr__(self, name: str):
        found = super().__getattr__(name)
        return 2 * found if name == "bias" else found


class Doubled(Tensor):
    """A tensor that linear maps see twice as large."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            out = function(*args, **(kwargs or {}))
            return 2 * out if function is functional.linear else out


def with_attribute(name: str, value: object) -> nn.Module:
    layer = linear()
    layer.__dict__[name] = value
    return layer


def registered(register: str, hook) -> nn.Module:
    layer = linear()
    getattr(layer, register)(hook)
    return layer


def parametrized(by: nn.Module, training: bool) -> nn.Module:
    return parametrize.register_parametrization(linear(), "weight", by).train(training)


def half_training() -> nn.Module:
    layer = parametrizations.spectral_norm(linear()).eval()
    layer.parametrizations.train()
    return layer


def subclass_of_tensor() -> nn.Module:
    layer = linear()
    weight = layer.weight.data.as_subclass(Doubled)
    del layer.weight
    layer.weight = weight
    return layer


def compiled() -> nn.Module:
    layer = linear()
    layer._compiled_call_impl = lambda x: 2 * functional.linear(x, layer.weight, layer.bias)
    return layer


def of_class(kind: type) -> nn.Module:
    layer = linear()
    layer.__class__ = kind
    return layer


def lent_forward() -> nn.Module:
    """A forward of torch's own, of another class."""
    return of_class(type("Linear", (nn.Linear,), {"forward": nn.ReLU.forward, "inplace": False}))


ALTERED = {
    "forward of the instance": lambda: with_attribute("forward", torch.neg),
    "call of the instance": lambda: with_attribute("_call_impl", torch.neg),
    "call of the class": lambda: Caller(4, 4).double(),
    "getter of the class": lambda: Getter(4, 4).double(),
    "weight of the class": lambda: of_class(Property),
    "compiled": compiled,
    "another forward of torch's": lent_forward,
    "tensor of a subclass": subclass_of_tensor,
    "forward hook": lambda: registered("register_forward_hook", lambda m, a, out: 2 * out),
    "forward pre-hook": lambda: registered("register_forward_pre_hook", lambda m, a: (2 * a[0],)),
    "backward hook": lambda: registered("register_full_backward_hook", lambda m, g, out: g),
    "old spectral norm": lambda: nn.utils.spectral_norm(linear()),
    "old spectral norm in eval mode": lambda: nn.utils.spectral_norm(linear()).eval(),
    "pruned": lambda: prune.random_unstructured(linear(), "weight", 0.5),
    "spectral norm in training mode": lambda: parametrizations.spectral_norm(linear()),
    "spectral norm half in training mode": half_training,
    "random weights": lambda: parametrized(Noise(), training=False),
    "random weights in training mode": lambda: parametrized(Noise(), training=True),
    "weights that flicker": lambda: parametrized(Flicker(), training=False),
    "dropout": lambda: nn.Dropout(0.5),
    "batch statistics": lambda: nn.BatchNorm1d(4).double(),
    "weight of a vector": lambda: with_attribute("weight", gaussian(4, seed=0)),
}


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("name", ALTERED)
def test_a_layer_that_does_something_else_is_refused_and_left_as_it_was(name, inside):
    altered = ALTERED[name]()
    layer = nn.Sequential(linear(1), altered) if inside else altered
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    drawn = torch.get_rng_state()
    for ask in (
        lambda: certify(PLAIN, {"F": layer}, X, G),
        lambda: lipschitz_upper(layer, (4,)),
    ):
        with pytest.raises((UnknownNodeError, InputError)):
            ask()
    assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())
    assert torch.equal(torch.get_rng_state(), drawn)


@pytest.mark.parametrize(
    "register",
    [
        everywhere.register_module_forward_hook,
        everywhere.register_module_forward_pre_hook,
        everywhere.register_module_full_backward_hook,
        everywhere.register_module_full_backward_pre_hook,
    ],
)
def test_hooks_on_all_modules_are_refused(register):
    handle = register(lambda *_: None)
    try:
        for ask in (
            lambda: certify(PLAIN, {"F": linear()}, X, G),
            lambda: lipschitz_upper(linear(), (4,)),
        ):
            with pytest.raises(InputError, match="hooks"):
                ask()
    finally:
        handle.remove()


def twice(function):
    return lambda *args, **kwargs: 2 * function(*args, **kwargs)


PATCHES = [
    (functional, "linear", linear, (4,)),
    (nn.Linear, "forward", linear, (4,)),
    (nn.Module, "__call__", linear, (4,)),
    (functional, "conv1d", lambda: nn.Conv1d(4, 4, 1).double(), (4, 3)),
    (functional, "pad", lambda: nn.Conv1d(4, 4, 3, padding=1, padding_mode="reflect"), (4, 3)),
    (nn.Conv1d, "_conv_forward", lambda: nn.Conv1d(4, 4, 1), (4, 3)),
    (functional, "conv_transpose1d", lambda: nn.ConvTranspose1d(4, 4, 2), (4, 3)),
    (functional, "relu", nn.ReLU, (4,)),
    (functional, "leaky_relu", nn.LeakyReLU, (4,)),
    (functional, "silu", nn.SiLU, (4,)),
    (functional, "elu", nn.ELU, (4,)),
    (functional, "softplus", nn.Softplus, (4,)),
    (functional, "batch_norm", lambda: nn.BatchNorm1d(4).eval(), (4,)),
    (functional, "max_pool1d", lambda: nn.MaxPool1d(2), (4, 4)),
    (functional, "adaptive_avg_pool1d", lambda: nn.AdaptiveAvgPool1d(1), (4, 4)),
    (functional, "interpolate", lambda: nn.Upsample(scale_factor=2), (4, 4)),
    (functional, "dropout", lambda: nn.Dropout().eval(), (4,)),
]


@pytest.mark.parametrize(("holder", "name", "make", "shape"), PATCHES)
def test_a_function_of_torch_that_was_replaced_is_noticed(holder, name, make, shape, monkeypatch):
    layer = make()
    assert lipschitz_upper(layer, shape) > 0
    monkeypatch.setattr(holder, name, twice(getattr(holder, name)))
    with pytest.raises((UnknownNodeError, InputError), match=r"does not do what|of its own"):
        lipschitz_upper(layer, shape)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("mode", ["training", "fixed"])
def test_layers_as_torch_built_them_do_what_their_rules_say(dtype, mode):
    """No layer is refused for its rounding, whatever its precision."""
    for seed in range(5):
        torch.manual_seed(seed)
        layers = nn.Sequential(
            nn.Conv2d(3, 40, 3, padding=1), nn.BatchNorm2d(40), nn.ReLU(), nn.AvgPool2d(2),
            nn.Conv2d(40, 8, 3, padding=1, padding_mode="reflect"), nn.SiLU(), nn.Flatten(),
            nn.Linear(200, 10), nn.GELU(),
        ).to(dtype).eval()  # fmt: skip
        layers[1].running_mean.fill_(100)
        if mode == "training":
            layers.train()[1].eval()
        x = gaussian(2, 3, 10, 10, seed=seed).to(dtype)
        found = certify(PLAIN, {"F": layers}, x, gaussian(2, 10, seed=1).to(dtype))
        assert (found.low <= found.high).all()


def convolution(draw: random.Random, seed: int) -> nn.Conv1d:
    layer = nn.Conv1d(2, 2, draw.choice((1, 3)), padding=2, dilation=1, bias=False).double()
    layer.weight.data = (16 * gaussian(*layer.weight.shape, seed=seed)).round() / 16
    layer.padding, layer.dilation = draw.choice(((0,), (1,), 2, "same")), draw.choice((1, (2,)))
    layer.stride = draw.choice((1, (1,), 2)) if layer.padding != "same" else 1
    if draw.random() < 0.3:
        layer.padding = (layer.weight.shape[2] // 2,)
        layer.padding_mode, layer.stride = draw.choice(("circular", "reflect", "replicate")), (1,)
        layer._reversed_padding_repeated_twice = [layer.weight.shape[2] // 2] * 2
        layer.dilation = (1,)
    return layer


def dense(draw: random.Random, seed: int) -> nn.Linear:
    """A linear map of 12 entries whose weight comes about in a way of its own."""
    layer = nn.Linear(12, 12, bias=False).double()
    layer.weight.data = (16 * gaussian(12, 12, seed=seed)).round() / 16
    match draw.randrange(7):
        case 0:
            layer = parametrizations.weight_norm(layer).eval()
        case 1:
            layer = parametrizations.spectral_norm(layer).eval()
        case 2:
            layer = parametrize.register_parametrization(layer, "weight", Scaled()).eval()
        case 3:
            layer.weight = nn.Parameter(gaussian(12, 1, seed=seed).expand(12, 12))
        case 4:
            weight = layer.weight.data.T
            del layer.weight
            layer.weight = weight
        case 5:
            layer.in_features = layer.out_features = 1
    return layer


def altered_chain(seed: int) -> nn.Sequential:
    """Changed convolutions, weights of many kinds, layers that stand twice and tied weights."""
    draw = random.Random(seed)
    first = convolution(draw, seed)
    image = nn.Sequential(nn.Unflatten(1, (2, 6)), first)
    if draw.random() < 0.5:
        second = convolution(draw, seed)
        if second.weight.shape == first.weight.shape:
            second.weight = first.weight
        image.append(second)
    width = 0
    while not width:  # what no longer fits behind the first is left out
        with torch.no_grad(), suppress(RuntimeError):
            width = image(torch.zeros(1, 12, dtype=torch.float64)).numel()
        image = image if width else image[:-1]
    layers = [*image, nn.Flatten(), nn.LeakyReLU(0.25)]
    if width == 12:
        maps = dense(draw, seed)
        layers += [maps, nn.LeakyReLU(0.5), maps]
    return nn.Sequential(*layers)


def jacobian(layers: nn.Sequential, x: Tensor) -> arb_mat:
    """In balls, from the columns that each affine layer gives."""
    total = arb_mat([[int(i == j) for j in range(12)] for i in range(12)])
    for layer in layers:
        size = x.numel()
        if isinstance(layer, nn.LeakyReLU):
            slopes = torch.where(x > 0, 1.0, layer.negative_slope)
            total = diagonal(column(slopes)) * total
        else:
            unit = torch.eye(size, dtype=torch.float64).view(size, *x.shape[1:])
            total = arb_mat(layer(unit).flatten(1).mT.tolist()) * total
        x = layer(x)
    return total


def violations(seed: int) -> list[str]:
    """What a certified number says against the Jacobian in balls, without slack."""
    layers, x = altered_chain(seed), gaussian(1, 12, seed=seed)
    with torch.no_grad(), precise():
        total = jacobian(layers, x)
        g = gaussian(1, total.nrows(), seed=seed + 1)
        signal = column(g)
        gain = length(total.transpose() * signal) / length(signal)
    found = certify(PLAIN, {"F": layers}, x, g)
    wrong = [] if arb(found.low.item()) <= gain.lower() else ["low"]
    wrong += [] if arb(found.high.item()) >= gain.upper() else ["high"]
    for bound in found.bounds:
        value = arb(bound.value.item())
        if not (value <= gain.lower() if bound.side == "lower" else value >= gain.upper()):
            wrong.append(bound.id)
    matrix = torch.tensor([[float(entry.mid()) for entry in row] for row in total.tolist()])
    if not is_above(lipschitz_upper(layers, (12,)) * (1 + 1e-6), matrix):
        wrong.append("norm")
    return wrong


def test_certified_numbers_of_altered_layers_hold_without_slack():
    assert {seed: wrong for seed in range(60) if (wrong := violations(seed))} == {}


@pytest.mark.slow
def test_certified_numbers_of_two_thousand_altered_chains_hold_without_slack():
    assert {seed: wrong for seed in range(100, 2100) if (wrong := violations(seed))} == {}


def test_what_a_layer_was_built_for_does_not_shrink_its_rounding():
    layer = linear()
    before = certify(PLAIN, {"F": layer}, X, G)
    layer.in_features = layer.out_features = 0
    after = certify(PLAIN, {"F": layer}, X, G)
    assert torch.equal(before.high - before.low, after.high - after.low)


def test_a_batch_that_torch_takes_for_one_image_is_refused():
    """Its first dimension would be taken for channels, and mixed."""
    layer, x = nn.Conv1d(3, 3, 1).double(), gaussian(3, 5, seed=0)
    with pytest.raises(InputError, match="takes no batch of shape"):
        certify(PLAIN, {"F": layer}, x, x)
    with pytest.raises(InputError, match=r"takes no (batch|input)"):
        lipschitz_upper(nn.Conv2d(1, 1, 1, padding_mode="circular"), (5, 5))


def test_a_sequence_that_only_names_itself_is_welcome():
    class Head(nn.Sequential):
        """A head."""

        def __init__(self) -> None:
            super().__init__(OrderedDict(first=linear(), second=nn.ReLU()))
            self.remark = "of no effect"

    assert lipschitz_upper(Head(), (4,)) > 0
