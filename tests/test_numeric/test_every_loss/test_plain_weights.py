"""A parameter is plain where one linear layer or convolution holds it, once, on the input's way."""

import pytest
import torch
from strategies import gaussian
from torch import nn
from torch.nn import functional

from numeric import capture
from numeric.every_loss.plain_weights import NO_LAYER, ODD, OFF_THE_PATH, SHARED, plain_weights


def found_in(model, x):
    return plain_weights(capture(model.eval(), (x,), {}), dict(model.named_parameters()))


def test_weights_and_biases_of_layers_are_plain_and_those_of_norms_are_not():
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
    )
    plain, others = found_in(model, gaussian(2, 2, 4, 4, seed=0).float())
    assert {name: (each.role, each.is_linear) for name, each in plain.items()} == {
        "0.weight": ("weight", False),
        "0.bias": ("bias", False),
        "4.weight": ("weight", True),
        "4.bias": ("bias", True),
    }
    assert others == {"1.weight": NO_LAYER, "1.bias": NO_LAYER}


class Uses(nn.Module):
    """Its weight is used once more in a way."""

    def __init__(self, way):
        super().__init__()
        self.layer, self.way = nn.Linear(4, 4, bias=False), way
        self.head = nn.Linear(4, 3)
        self.seen = self.layer.weight.detach().t()

    def forward(self, x):
        return self.head(self.way(self, self.layer(x).tanh()))


WAYS = [
    lambda self, h: self.layer(h).tanh(),
    lambda self, h: h @ self.layer.weight,
    lambda self, h: h + self.layer.weight.square().sum(),
    lambda self, h: h @ self.seen,
    lambda self, h: functional.linear(h, self.layer.weight.view(4, 4)),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_what_is_used_twice_is_shared_by_whatever_name(way):
    plain, others = found_in(Uses(way), torch.randn(2, 4))
    assert others == {"layer.weight": SHARED}
    assert list(plain) == ["head.weight", "head.bias"]


class Scaled(nn.Module):
    """The layer's weight is made of a parameter, and another layer's input is fixed."""

    def __init__(self):
        super().__init__()
        self.raw, self.places = nn.Parameter(torch.randn(3, 4)), nn.Linear(2, 4)
        self.kept = nn.Buffer(torch.ones(2))

    def forward(self, x):
        return functional.linear((x + self.places(self.kept)).tanh(), 2 * self.raw)


def test_what_is_no_layers_own_or_meets_no_gradient_of_the_input_is_left_out():
    plain, others = found_in(Scaled(), torch.randn(2, 4))
    assert plain == {}
    assert others == {
        "raw": NO_LAYER, "places.weight": OFF_THE_PATH, "places.bias": OFF_THE_PATH,
    }  # fmt: skip


class Held(nn.Module):
    """A layer written out, of a weight and a bias of some shape."""

    def __init__(self, way, weight, bias=(4,)):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(weight)), nn.Parameter(torch.randn(bias))
        self.way, self.head = way, nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.way(x, self.weight, self.bias).tanh())


def test_a_product_with_a_matrix_is_a_linear_layer():
    for way in (torch.matmul, torch.mm):
        plain, others = found_in(
            Held(lambda x, w, b, way=way: way(x, w) + b, (5, 4)), torch.randn(2, 5)
        )
        assert (plain["weight"].role, plain["weight"].is_linear) == ("weight", True)
        assert others == {"bias": NO_LAYER}
    plain, _ = found_in(Held(lambda x, w, b: torch.addmm(b, x, w), (5, 4)), torch.randn(2, 5))
    assert {"weight", "bias"} <= set(plain)
    scaled = Held(lambda x, w, b: torch.addmm(b, x, w, beta=2, alpha=3), (5, 4))
    assert found_in(scaled, torch.randn(2, 5))[1] == {"weight": NO_LAYER, "bias": NO_LAYER}
    turned = Held(lambda x, w, b: x @ w.t() + b, (4, 5))
    assert found_in(turned, torch.randn(2, 5))[1]["weight"] == NO_LAYER


def test_layers_that_do_not_make_a_row_of_each_row_are_left_out():
    vector = Held(lambda x, w, b: functional.linear(x, w) + b, (5,))
    assert found_in(vector, torch.randn(2, 4, 5))[1]["weight"] == ODD
    waves = Held(lambda x, w, b: functional.linear(x + 0j, w + 0j).abs() + b, (4, 5))
    assert found_in(waves, torch.randn(2, 5))[1]["weight"] == NO_LAYER
    waves.weight = nn.Parameter(torch.randn(4, 5, dtype=torch.complex64))
    waves.way = lambda x, w, b: functional.linear(x + 0j, w).abs() + b
    assert found_in(waves, torch.randn(2, 5))[1]["weight"] == ODD
