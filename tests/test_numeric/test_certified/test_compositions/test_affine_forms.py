"""Values over a box or a ball: none lies outside, and what cancels does."""

import math

import pytest
import torch
from strategies import gaussian
from torch import nn

from numeric.certified.compositions import affine_forms
from numeric.certified.compositions.affine_forms import _line, leaves, steps
from numeric.certified.enclosed_layers import run
from numeric.certified.enclosed_tensors import Enclosed

KINDS = {"relu": nn.ReLU, "leaky": lambda: nn.LeakyReLU(-0.3), "tanh": nn.Tanh, "silu": nn.SiLU}


def network(kind):
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Sequential(nn.Linear(4, 9), KINDS[kind]()), nn.BatchNorm1d(9), nn.Linear(9, 7),
        KINDS[kind](), nn.Linear(7, 3), KINDS[kind](),
    ).double().eval()  # fmt: skip


def moved(x, radius, norm, count=300):
    """Points of the box or ball, half of them on its edge."""
    drawn = torch.randn(count, x.shape[1], generator=torch.Generator().manual_seed(2)).double()
    if norm == 2:
        unit = drawn / drawn.norm(dim=1, keepdim=True)
    else:
        unit = torch.where(drawn.abs() > 0.5, drawn.sign(), drawn.clamp(-1, 1))
    unit[::2] *= torch.rand(len(unit[::2]), 1, generator=torch.Generator().manual_seed(3)).double()
    return x + 0.9999999 * radius * unit


@pytest.mark.parametrize(
    ("radius", "norm", "most"),
    [
        (0.0, math.inf, 1 << 24),
        (1e-3, 2, 1 << 24),
        (0.2, math.inf, 1 << 24),
        (3.0, 2, 1 << 24),
        (0.2, 2, 60),
        (0.2, math.inf, 0),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_no_slope_lies_outside(kind, radius, norm, most, monkeypatch):
    monkeypatch.setattr(affine_forms, "MOST_ENTRIES", most)
    layer, x = network(kind), gaussian(1, 4, seed=4)
    with torch.no_grad():
        found = steps(layer, x, radius, norm, x.dtype)
    points = moved(x, radius, norm)
    for part, step in zip(leaves(layer), found, strict=True):
        leaf = points.detach().requires_grad_()
        points = part(leaf)
        if step.slopes is not None:
            (slopes,) = torch.autograd.grad(points.sum(), leaf)
            assert (slopes >= step.slopes.low - 1e-12).all()
            assert (slopes <= step.slopes.high + 1e-12).all()


def test_what_cancels_does():
    """x ↦ (x, −x) ↦ their sum: 0, where a box would know only the sizes."""
    layer = nn.Sequential(
        nn.Linear(1, 2, bias=False), nn.Linear(2, 1, bias=False), nn.Tanh()
    ).double()
    layer[0].weight.data, layer[1].weight.data = torch.tensor([[1.0], [-1.0]]), torch.ones(1, 2)
    layer = layer.double()
    with torch.no_grad():
        slopes = steps(layer, torch.zeros(1, 1).double(), 1.0, math.inf, torch.float64)[-1].slopes
    assert slopes.rad.item() < 1e-12


def test_a_ball_is_narrower_than_its_box():
    layer = nn.Sequential(nn.Linear(16, 1, bias=False), nn.ReLU()).double()
    layer[0].weight.data = torch.ones(1, 16).double()
    x = torch.full((1, 16), 0.5).double()  # 8 ± 4 r in the ball, 8 ± 16 r in the box
    for norm, radius, known in ((2, 1.9, True), (2, 2.1, False), (math.inf, 0.6, False)):
        with torch.no_grad():
            slopes = steps(layer, x, radius, norm, x.dtype)[-1].slopes
        assert (slopes.rad.item() == 0) == known


@pytest.mark.parametrize("kind", KINDS)
def test_a_curve_stays_beside_its_line_and_fills_what_is_left_to_it(kind):
    layer = KINDS[kind]()
    middle = torch.linspace(-4, 4, 33, dtype=torch.float64)[None]
    for width in (1e-3, 0.5, 3.0):
        box = Enclosed(middle, torch.full_like(middle, width))
        slope, beside = _line(layer, box, run(layer, box), torch.float64)
        where = torch.linspace(-1, 1, 201, dtype=torch.float64)[:, None]
        left = layer(middle + where * width) - slope * (middle + where * width)
        assert (left >= beside.low - 1e-13).all()
        assert (left <= beside.high + 1e-13).all()
        assert (beside.rad <= (left.amax(0) - left.amin(0)) + 1e-9 + 0.02 * width).all()
