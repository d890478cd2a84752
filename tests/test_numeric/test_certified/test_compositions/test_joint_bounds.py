"""Bounds of layers together: never below any choice of slopes, refused to none, and tight."""

import math

import pytest
import torch
from strategies import gaussian
from torch import nn

from numeric.certified.compositions import joint_bounds
from numeric.certified.compositions.affine_forms import Step, steps
from numeric.certified.compositions.joint_bounds import joint_norm_upper
from numeric.certified.enclosed_layers import run
from numeric.certified.enclosed_tensors import Enclosed


def hidden(weight, low, high):
    """`weight`[1] · slopes · `weight`[0] with slopes anywhere between."""
    found, x = [], Enclosed.exactly(torch.zeros(1, weight[0].shape[1]))
    for index, each in enumerate(weight):
        layer = nn.Linear(*each.shape[::-1], bias=False).double()
        layer.weight.data = each
        found.append(Step(run(layer, x), None))
        x = found[-1].here.value
        if index + 1 < len(weight):
            here = run(nn.ReLU(), x)
            found.append(
                Step(
                    here,
                    Enclosed.between(torch.full_like(x.mid, low), torch.full_like(x.mid, high)),
                )
            )
    return found


def joint(weight, low=0.0, high=1.0):
    with torch.no_grad():
        return joint_norm_upper(hidden(weight, low, high), torch.Size((1, weight[0].shape[1])))


def signs(count):
    return torch.cartesian_prod(*[torch.tensor([0.0, 1.0]).double()] * count)


@pytest.mark.parametrize("seed", range(4))
def test_of_one_hidden_layer_every_pattern_is_below_and_one_is_near(seed):
    first, second = gaussian(7, 4, seed=seed), gaussian(3, 7, seed=seed + 10)
    found = joint([first, second])
    products = second @ (signs(7)[:, :, None] * first)
    truth = torch.linalg.matrix_norm(products, 2).max().item()
    assert truth <= found <= 1.25 * truth
    norms = [torch.linalg.matrix_norm(each, 2).item() for each in (first, second)]
    assert found < 0.95 * math.prod(norms)


def test_where_no_pattern_conflicts_it_is_exact():
    """Nonnegative weights: all slopes at once are worst."""
    first, second = gaussian(6, 4, seed=1).abs(), gaussian(3, 6, seed=2).abs()
    truth = torch.linalg.matrix_norm(second @ first, 2).item()
    assert truth <= joint([first, second]) <= truth * (1 + 1e-3)


def test_deep_ones_hold_for_slopes_climbed_to():
    weight = [gaussian(8, 8, seed=seed) / 3 for seed in range(4)]
    found = joint(weight)
    logits = [torch.zeros(8, requires_grad=True, dtype=torch.float64) for _ in weight[1:]]
    for _ in range(300):
        product = weight[0]
        for each, logit in zip(weight[1:], logits, strict=True):
            product = each @ (logit.sigmoid()[:, None] * product)
        size = torch.linalg.matrix_norm(product, 2)
        for logit, slope in zip(logits, torch.autograd.grad(size, logits), strict=True):
            logit.data += 5 * slope
    assert size.item() <= found <= 1.5 * size.item()


def test_a_proof_is_what_counts_not_the_multipliers(monkeypatch):
    first, second = gaussian(7, 4, seed=1), gaussian(3, 7, seed=2)
    honest = joint([first, second])
    original = joint_bounds.chosen

    def optimistic(given):
        p, t = original(given)
        return p, 0.8 * t

    monkeypatch.setattr(joint_bounds, "chosen", optimistic)
    assert joint([first, second]) >= honest * (1 - 1e-3)
    monkeypatch.setattr(joint_bounds, "chosen", lambda given: (original(given)[0], 1e-6))
    assert joint([first, second]) == math.inf


def test_too_many_and_none_are_left_to_other_bounds(monkeypatch):
    x = gaussian(1, 5, seed=0)
    layer = nn.Sequential(nn.Linear(5, 6), nn.Tanh()).double()
    with torch.no_grad():
        assert joint_norm_upper(steps(layer, x, 0.0, math.inf, x.dtype), x.shape) == math.inf
        found = steps(layer, x, 0.1, math.inf, x.dtype)
        assert joint_norm_upper(found, x.shape) < math.inf
        monkeypatch.setattr(joint_bounds, "MOST_UNITS", 11)
        assert joint_norm_upper(found, x.shape) == math.inf


def test_what_would_fill_the_memory_is_left_to_other_bounds(monkeypatch):
    x = gaussian(1, 5, seed=0)
    layer = nn.Sequential(nn.Linear(5, 60), nn.Linear(60, 6), nn.Tanh()).double()
    with torch.no_grad():
        found = steps(layer, x, 0.1, math.inf, x.dtype)
        monkeypatch.setattr(joint_bounds, "MOST_ENTRIES", 11 * 60)
        assert joint_norm_upper(found, x.shape) < math.inf
        monkeypatch.setattr(joint_bounds, "MOST_ENTRIES", 11 * 60 - 1)
        assert joint_norm_upper(found, x.shape) == math.inf
