"""Layers that do something else than their class says, or change from call to call, are refused."""

import pytest
import torch
from torch import nn

from derivations.errors import InputError, UnknownNodeError
from numeric.certified.fixed_layers import (
    check_fixed,
    check_own_forward,
    check_reproduced,
    held_tensors,
)


class Doubling(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


class Renamed(nn.Linear):
    """Does what a linear layer does."""


class OtherConvolution(nn.Conv1d):
    def _conv_forward(self, x, weight, bias):
        return super()._conv_forward(x, -weight, bias)


class OtherCall(nn.ReLU):
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return -x


class OtherWeight(nn.Linear):
    """Shows another weight than the one it stores."""


OtherWeight.weight = property(lambda layer: 2 * layer._parameters["weight"])


def of_class(kind: type) -> nn.Module:
    layer = nn.Linear(2, 2)
    layer.__class__ = kind
    return layer


# Torch's own, of another class.
Lent = type("Lent", (nn.Linear,), {"forward": nn.Identity.forward})


def patched() -> nn.Module:
    layer = nn.ReLU()
    layer.forward = torch.neg
    return layer


@pytest.mark.parametrize(
    ("layer", "method"),
    [
        (Doubling(2, 2), "forward"),
        (OtherConvolution(1, 1, 1), "_conv_forward"),
        (OtherCall(), "__call__"),
        (patched(), "forward"),
        (of_class(Lent), "forward"),
        (of_class(OtherWeight), "weight"),
    ],
    ids=["forward", "_conv_forward", "__call__", "of the instance", "lent", "weight"],
)
def test_a_layer_with_a_method_of_its_own_is_refused_by_that_name(layer, method):
    with pytest.raises(UnknownNodeError, match=f"has a {method} of its own"):
        check_own_forward(layer)


@pytest.mark.parametrize("layer", [Renamed(2, 2), nn.Conv2d(1, 1, 1), nn.Sequential(nn.ReLU())])
def test_a_layer_that_does_what_torchs_does_passes(layer):
    check_own_forward(layer)


@pytest.mark.parametrize(
    "register",
    [
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
    ],
)
def test_a_layer_with_any_kind_of_hook_is_refused_until_it_is_removed(register):
    layer = nn.ReLU()
    handle = getattr(layer, register)(lambda *_: None)
    with pytest.raises(InputError, match="ReLU has hooks"):
        check_own_forward(layer)
    handle.remove()
    check_own_forward(layer)


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.BatchNorm1d(3), "BatchNorm1d is in training mode"),
        (nn.Dropout(), "Dropout is in training mode"),
        (nn.BatchNorm2d(3, track_running_stats=False).eval(), "keeps no running statistics"),
        (nn.LazyLinear(3).eval(), "not initialized"),
    ],
)
def test_a_map_that_is_not_fixed_is_refused_with_the_way_out(layer, message):
    with pytest.raises(InputError, match=message):
        check_fixed(layer)


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm1d(3).eval(), nn.Dropout().eval(), nn.Linear(2, 2), nn.ReLU()]
)
def test_a_fixed_map_passes_in_whatever_mode_it_does_not_depend_on(layer):
    check_fixed(layer)


def test_the_method_of_a_torch_class_that_was_replaced_is_named(monkeypatch):
    monkeypatch.setattr(nn.ReLU, "forward", lambda layer, x: -x)
    with pytest.raises(UnknownNodeError, match="ReLU has a forward of its own"):
        check_own_forward(nn.ReLU())


def test_a_compiled_layer_is_refused():
    layer = nn.ReLU()
    layer._compiled_call_impl = torch.neg
    with pytest.raises(InputError, match="ReLU is compiled"):
        check_own_forward(layer)


def spectral(training: bool, inside: bool) -> nn.Module:
    layer = nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2)).train(training)
    layer.parametrizations.train(inside)
    return layer


@pytest.mark.parametrize(("training", "inside"), [(True, True), (True, False), (False, True)])
def test_a_parametrization_in_training_mode_is_refused_before_its_weight_is_looked_at(
    training, inside
):
    layer = spectral(training, inside)
    before = [each.clone() for each in layer.buffers()]
    with pytest.raises(InputError, match="Linear is parametrized and in training mode"):
        check_fixed(layer)
    assert all(map(torch.equal, before, layer.buffers()))


def test_a_parametrization_in_eval_mode_passes():
    check_fixed(spectral(training=False, inside=False))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_layer_may_differ_from_its_rule_by_rounding_only(dtype):
    layer, x = nn.Linear(3, 2).to(dtype), torch.ones(4, 3, dtype=torch.float64)
    value = x @ layer.weight.double().T + layer.bias.double()
    sizes = x @ layer.weight.double().abs().T + layer.bias.double().abs()
    check_reproduced(layer, x, value, 0.0, sizes)
    with pytest.raises(InputError, match="Linear does not do what its class"):
        check_reproduced(layer, x, value + 0.2 * sizes, 0.0, sizes)
    check_reproduced(layer, x, value + 0.2 * sizes, 0.2 * sizes, sizes)
    with pytest.raises(InputError, match="Linear does not do what its class"):
        check_reproduced(layer, x, value[:2], 0.0, sizes[:2])


def test_tensors_that_are_neither_weights_nor_buffers_are_held_too():
    layer = nn.Linear(2, 2, bias=False)
    weight = layer.weight.data
    del layer.weight
    layer.weight = weight
    assert list(held_tensors(layer)) == [weight]


class WithGradients(nn.Module):
    """Triples a tensor, but only while gradients are on."""

    def forward(self, tensor: torch.Tensor) -> torch.Tensor:
        return 3 * tensor if torch.is_grad_enabled() else tensor


def test_a_parametrization_that_looks_at_the_gradient_mode_is_refused():
    layer = nn.Linear(2, 2)
    nn.utils.parametrize.register_parametrization(layer, "weight", WithGradients())
    with pytest.raises(InputError, match="with the gradient mode"):
        check_fixed(layer.eval())
