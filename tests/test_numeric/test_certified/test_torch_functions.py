"""What torch's layers without weights do is done by functions that nobody can replace later."""

import pytest
import torch
from strategies import gaussian
from torch import nn
from torch.nn import functional

from derivations.errors import UnknownNodeError
from numeric.certified import torch_functions
from numeric.certified.torch_functions import torchs_own

LAYERS = [
    nn.AvgPool1d(2), nn.AvgPool2d(3, 2, 1, True, False), nn.AvgPool3d(2, divisor_override=3),
    nn.AdaptiveAvgPool1d(2), nn.AdaptiveAvgPool2d((2, None)), nn.AdaptiveAvgPool3d(1),
    nn.MaxPool1d(2), nn.MaxPool2d(3, 2, 1, 2, ceil_mode=True), nn.MaxPool3d(2),
    nn.Upsample(scale_factor=2), nn.Upsample(size=(9, 9)), nn.Identity(), nn.Dropout(),
    nn.Flatten(), nn.Unflatten(1, (2, 2)), nn.ReLU(), nn.ReLU6(), nn.Hardtanh(-0.5, 0.2), nn.Tanh(),
    nn.Softsign(), nn.LogSigmoid(), nn.LeakyReLU(0.3), nn.ELU(0.7), nn.CELU(0.7), nn.SELU(),
    nn.Softplus(2.0, 3.0), nn.Sigmoid(), nn.Hardsigmoid(), nn.SiLU(), nn.Mish(), nn.GELU(),
    nn.GELU("tanh"), nn.Hardswish(),
]  # fmt: skip


def image(layer: nn.Module) -> torch.Tensor:
    name = type(layer).__name__
    axes = int(name[-2]) if name[-2:] in ("1d", "2d", "3d") else 2
    return 3 * gaussian(2, 4, *(7,) * axes, seed=0)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_each_gives_what_the_layer_gives(layer):
    x = image(layer)
    assert torch.equal(torchs_own(layer.eval())(layer, x.clone()), layer(x))


def test_every_kind_is_tried():
    tried = {kind for layer in LAYERS for kind in type(layer).__mro__}
    assert set(torch_functions._OWN) <= tried


def test_a_function_that_is_replaced_later_is_not_followed(monkeypatch):
    monkeypatch.setattr(functional, "gelu", lambda x, approximate: 2 * x)
    x = gaussian(3, seed=0)
    assert not torch.equal(torchs_own(nn.GELU())(nn.GELU(), x), nn.GELU()(x))


def test_a_layer_that_is_not_known_is_refused():
    with pytest.raises(UnknownNodeError, match="no map of PReLU"):
        torchs_own(nn.PReLU())
