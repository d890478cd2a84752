"""Reachable signals: autograd's own, however the passes are made, and their factors."""

import pytest
import torch
from strategies import gaussian
from torch import Tensor, nn
from twins.arriving import chain, classifier, inputs, linear_loss, signals

from derivations.errors import InputError
from numeric.capture.capture import capture
from numeric.every_loss.logit_graph import logit_graph
from numeric.every_loss.reachable import LOGITS, Reachable, reachable
from numeric.every_loss.weight_signals import weight_signals
from validate.networks.build import build


def same(one, other, tolerance=1e-12):
    assert list(one.columns) == list(other.columns)
    for place in one.columns:
        size = other.at(place).abs().max()
        assert (one.at(place) - other.at(place)).abs().max() <= tolerance * size


@pytest.mark.parametrize("basis", ["all", "sum_zero", "labels"])
def test_columns_are_what_autograd_sends_for_each_direction(basis):
    links, x = chain(classifier()), inputs()
    found = reachable(links, x, basis=basis)
    for k in range(found.basis.shape[2]):
        measured = signals(links, x, linear_loss(found.basis[:, :, k]))
        for place, signal in enumerate(measured):
            assert torch.allclose(found.at(place)[:, :, k], signal, rtol=1e-12, atol=1e-14)
    assert torch.equal(found.at(LOGITS), found.basis)


@pytest.mark.parametrize("name", ["residual-8", "se_residual-8", "dense-10"])
def test_passes_made_together_are_those_of_a_loop(name):
    network, x = build(name).eval().double(), gaussian(3, 1, 8, 8, seed=0)
    loop = reachable(network, x, at_once=1)
    for at_once in (None, 2, 100):
        same(reachable(network, x, at_once=at_once), loop)


def test_what_cannot_be_vectorized_is_looped_over():
    class Odd(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g if g.sum().item() < float("inf") else None

    links, x = chain(classifier()), inputs()
    twin = [*links[:2], lambda x: links[2](2 * x), *links[3:]]
    odd = [*links[:2], lambda x: links[2](Odd.apply(x)), *links[3:]]
    same(reachable(odd, x), reachable(twin, x))


def test_a_captured_model_gives_the_signals_of_the_model():
    network, x = build("residual-8").eval().double(), gaussian(3, 1, 8, 8, seed=0)
    captured = capture(network, (x,), {})
    found = reachable(captured)
    direct = reachable(network, x)
    ours = {k: h for k, (h,) in enumerate(logit_graph(network, x).boundaries)}
    compared = 0
    for k, place in enumerate(captured.boundaries):
        value = captured.value(place)
        for other, h in ours.items():
            if h.shape == value.shape and torch.equal(h, value):
                assert torch.allclose(found.at(k), direct.at(other), rtol=1e-10, atol=1e-14)
                compared += 1
    assert compared >= 4


def test_factors_keep_every_length_and_are_doubles_of_any_precision():
    links, x = chain(classifier().float()), inputs().float()
    found = reachable(links, x)
    c = gaussian(4, 4, 1, seed=0)
    for place in found.columns:
        assert found.factor(place).shape == (4, 4, 4)
        one, other = found.at(place).double() @ c, found.factor(place) @ c
        assert torch.allclose(one.norm(dim=1), other.norm(dim=1), rtol=1e-13)


def test_coupled_samples_are_one():
    """BatchNorm in train mode: every sample's logits send to every sample."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)).double()
    x = inputs()
    with pytest.raises(InputError, match="eval"):
        reachable(list(model), x)
    found = reachable(list(model), x, joined=True)
    assert found.basis.shape == (1, 12, 8)
    assert found.at(1).shape == (1, 32, 8)
    for k in range(8):
        a = found.basis[0, :, k].reshape(4, 3)
        measured = signals(list(model), x, linear_loss(a))
        assert torch.allclose(found.at(1)[0, :, k], measured[1].flatten(), rtol=1e-10, atol=1e-13)


def test_statistics_do_not_move():
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)).double()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    reachable(list(model), inputs(), joined=True)
    weight_signals(model, inputs(), joined=True)
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())
    assert all(each.requires_grad and each.grad is None for each in model.parameters())


def test_a_given_basis_is_used_as_it_is():
    links, x = chain(classifier()), inputs()
    basis = gaussian(5, 2, seed=0)
    found = reachable(links, x, boundaries=(1, 4), basis=basis)
    assert list(found.columns) == [1, 4, LOGITS]
    whole = reachable(links, x, basis=torch.eye(5).double())
    assert torch.allclose(found.at(1), whole.at(1) @ basis, rtol=1e-12)
    each = gaussian(4, 5, 2, seed=1)
    assert torch.allclose(reachable(links, x, basis=each).at(0), whole.at(0) @ each, rtol=1e-12)


@pytest.mark.parametrize("basis", ["one", torch.ones(4, 2), torch.ones(5, 2) / 0, torch.ones(5, 0)])
def test_other_bases_are_refused(basis: str | Tensor):
    with pytest.raises(InputError, match="basis"):
        reachable(chain(classifier()), inputs(), basis=basis)
    with pytest.raises(InputError, match="labels belong"):
        reachable(chain(classifier()), inputs(), labels=torch.tensor([0]))


@pytest.mark.parametrize("span", ["all", "sum_zero"])
def test_another_basis_has_not_the_name_of_one(span):
    """The bounds of classes are read off the first columns, whatever they are."""
    net, x = nn.Linear(6, 4), torch.randn(3, 6)
    found = reachable(net, x, basis=span)
    again = Reachable(found.columns, found.basis, found.logits, span)
    assert torch.equal(again.basis, found.basis)
    with pytest.raises(InputError, match=f"not that of '{span}'"):
        Reachable(found.columns, found.basis.flip(2), found.logits, span)
    assert Reachable(found.columns, found.basis.flip(2), found.logits, "given").span == "given"
