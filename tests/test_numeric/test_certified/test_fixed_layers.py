"""Layers that do something else than their class says, or change from call to call, are refused."""

import pytest
import torch
from torch import nn

from derivations.errors import InputError, UnknownNodeError
from numeric.certified.fixed_layers import check_fixed, check_own_forward


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
    ],
    ids=["forward", "_conv_forward", "__call__", "of the instance"],
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
