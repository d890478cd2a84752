"""Norms of Jacobians at a point and near it: never below the twin, and exact at a point."""

import math
from itertools import pairwise

import pytest
import torch
from strategies import gaussian
from torch import nn
from torch.autograd import functional
from twins import dense_twin
from twins.ball_norms import is_above

from derivations.errors import InputError, UnknownNodeError
from numeric.certified import local_lipschitz
from numeric.certified.layer_lipschitz import lipschitz_upper
from numeric.certified.local_lipschitz import local_lipschitz_upper


def dense(activation: type[nn.Module], *sizes: int) -> nn.Sequential:
    torch.manual_seed(len(sizes))
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers[:-1]).double().eval()


def images() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(4, 3, 3), nn.SiLU(), nn.Flatten(), nn.Linear(12, 5),
    ).double().eval()  # fmt: skip


NETWORKS = {
    "wide to narrow": (dense(nn.ReLU, 12, 20, 4), (12,)),
    "narrow to wide": (dense(nn.Tanh, 4, 20, 12), (4,)),
    "deep": (dense(nn.GELU, 8, 9, 9, 9, 9, 8), (8,)),
    "images": (images(), (2, 8, 8)),
    "one layer": (nn.Linear(5, 3).double(), (5,)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_at_a_point_it_is_the_norm_of_the_jacobian(name):
    network, shape = NETWORKS[name]
    x = gaussian(3, *shape, seed=1)
    found = local_lipschitz_upper(network, x)
    assert found.shape == (3,)
    for bound, jacobian in zip(found.tolist(), dense_twin.jacobian(network, x), strict=True):
        assert is_above(bound, jacobian)
        assert bound <= torch.linalg.matrix_norm(jacobian, 2).item() * (1 + 1e-6)
    assert (found <= lipschitz_upper(network, shape) * (1 + 1e-9)).all()


@pytest.mark.parametrize("radius", [1e-4, 1e-2, 0.3, 3.0])
@pytest.mark.parametrize("name", NETWORKS)
def test_no_point_of_a_box_stretches_more(name, radius):
    network, shape = NETWORKS[name]
    x = gaussian(1 if name == "images" else 2, *shape, seed=2)
    found = local_lipschitz_upper(network, x, radius)
    assert (found >= local_lipschitz_upper(network, x) * (1 - 1e-9)).all()
    assert (found <= lipschitz_upper(network, shape)).all()
    generator = torch.Generator().manual_seed(3)
    for _ in range(8):
        moved = (2 * torch.rand(x.shape, generator=generator, dtype=torch.float64) - 1) * radius
        inside = (x + moved.sign() * radius * 0.999, x + moved)
        for each in inside:
            norms = torch.linalg.matrix_norm(dense_twin.jacobian(network, each), 2)
            assert (found >= norms * (1 - 1e-12)).all()


@pytest.mark.parametrize("norm", [2, math.inf])
@pytest.mark.parametrize("name", ["wide to narrow", "deep", "narrow to wide"])
def test_no_climb_within_the_radius_gets_above(name, norm):
    network, shape = NETWORKS[name]
    x, radius = gaussian(1, *shape, seed=2), 0.3
    found = local_lipschitz_upper(network, x, radius, norm).item()
    for start in gaussian(4, *shape, seed=7).split(1):
        point, best = within(x + 0.3 * radius * start, x, radius, norm), 0.0
        for _ in range(30):
            leaf = point.detach().requires_grad_()
            jacobian = functional.jacobian(network, leaf, create_graph=True).flatten(0, 2)
            size = torch.linalg.matrix_norm(jacobian.view(-1, leaf.numel()), 2)
            best = max(best, size.item())
            (uphill,) = torch.autograd.grad(size, leaf, allow_unused=True, materialize_grads=True)
            point = within(leaf + 0.1 * radius * uphill / (uphill.norm() + 1e-30), x, radius, norm)
        assert best <= found


def within(point, x, radius, norm):
    """The nearest point of the box or ball, a little inside."""
    step = (point - x).detach()
    if norm == 2:
        return x + step * min(1.0, 0.9999 * radius / step.norm().item())
    return x + step.clamp(-0.9999 * radius, 0.9999 * radius)


@pytest.mark.parametrize("norm", [2, math.inf])
@pytest.mark.parametrize("name", ["wide to narrow", "narrow to wide", "deep", "one layer"])
def test_a_larger_radius_has_no_smaller_bound(name, norm):
    network, shape = NETWORKS[name]
    x = gaussian(1, *shape, seed=2)
    found = [
        local_lipschitz_upper(network, x, radius, norm).item() for radius in (0.0, 1e-3, 0.1, 1.0)
    ]
    # Multipliers are the best up to 1e-4.
    assert all(before <= after * (1 + 1e-3) for before, after in pairwise(found))


@pytest.mark.parametrize("name", ["wide to narrow", "narrow to wide", "deep"])
def test_a_ball_allows_less_than_its_box(name):
    network, shape = NETWORKS[name]
    x = gaussian(2, *shape, seed=2)
    ball, box = (local_lipschitz_upper(network, x, 0.1, norm) for norm in (2, math.inf))
    assert (ball < 0.995 * box).all()


def test_layers_together_beat_the_entries_and_the_product():
    network, shape = NETWORKS["deep"]
    x = gaussian(1, *shape, seed=2)
    assert local_lipschitz_upper(network, x, 1.0).item() < 0.5 * lipschitz_upper(network, shape)


def test_linear_layers_are_exact_at_any_radius():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 9), nn.Linear(9, 5)).double()
    truth = torch.linalg.matrix_norm(network[1].weight @ network[0].weight, 2).item()
    for radius in (0.0, 1.0, 1e6):
        found = local_lipschitz_upper(network, gaussian(1, 6, seed=1), radius).item()
        assert truth * (1 - 1e-12) <= found <= truth * (1 + 1e-9)


def test_a_small_network_is_near_its_worst_pattern_of_signs():
    """All patterns that a large box allows are all patterns, for as many inputs as units."""
    torch.manual_seed(4)
    network = nn.Sequential(nn.Linear(6, 6, bias=False), nn.ReLU(), nn.Linear(6, 4)).double()
    patterns = torch.cartesian_prod(*[torch.tensor([0.0, 1.0]).double()] * 6)
    products = network[2].weight @ (patterns[:, :, None] * network[0].weight)
    truth = torch.linalg.matrix_norm(products, 2).max().item()
    found = local_lipschitz_upper(network, torch.zeros(1, 6).double(), 1.0).item()
    assert truth <= found <= 1.2 * truth


def test_a_norm_of_another_kind_is_refused():
    with pytest.raises(InputError, match="the norm of a radius is 1: give 2 or"):
        local_lipschitz_upper(nn.Linear(5, 3).double(), torch.zeros(1, 5).double(), 0.1, 1)


def test_near_a_point_it_says_more_than_the_product_of_norms():
    network, shape = NETWORKS["wide to narrow"]
    x = gaussian(5, *shape, seed=1)
    assert (local_lipschitz_upper(network, x, 1e-3) < 0.9 * lipschitz_upper(network, shape)).all()


def test_a_unit_that_a_box_may_switch_counts_as_on():
    network = nn.Sequential(nn.Linear(1, 1), nn.ReLU()).double()
    network[0].weight.data.fill_(3.0)
    network[0].bias.data.fill_(-0.3)  # on from 0.1
    x = torch.zeros(1, 1).double()
    assert local_lipschitz_upper(network, x).item() == 0
    assert local_lipschitz_upper(network, x, 0.09).item() == 0
    assert local_lipschitz_upper(network, x, 0.11).item() == pytest.approx(3, rel=1e-9)


def test_a_jacobian_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(local_lipschitz, "MOST_ENTRIES", 14)
    with pytest.raises(InputError, match="3 × 5 is too large to be written out"):
        local_lipschitz_upper(nn.Linear(5, 3).double(), torch.zeros(1, 5).double())


@pytest.mark.parametrize("radius", [-1.0, float("nan"), float("inf"), "one"])
def test_a_radius_that_is_none_is_refused(radius):
    with pytest.raises(InputError, match="the radius of a box"):
        local_lipschitz_upper(nn.Linear(5, 3).double(), torch.zeros(1, 5).double(), radius)


def test_layers_without_a_rule_and_in_training_mode_are_refused():
    with pytest.raises(UnknownNodeError, match="LSTM"):
        local_lipschitz_upper(nn.LSTM(5, 3).double(), torch.zeros(1, 5).double())
    network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).double().train()
    with pytest.raises(InputError, match="training mode"):
        local_lipschitz_upper(network, torch.zeros(2, 4).double())


def test_a_radius_beyond_all_exponentials_is_named():
    layer = nn.Sequential(nn.Linear(2, 2), nn.Tanh()).double().eval()
    with pytest.raises(InputError, match="cannot be enclosed: take a smaller radius"):
        local_lipschitz_upper(layer, torch.ones(1, 2).double(), 1e100)
