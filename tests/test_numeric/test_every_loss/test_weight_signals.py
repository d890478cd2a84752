"""Bounds of ‖∂L/∂W‖ for every loss, per sample and batch, against autograd's own."""

import pytest
import torch
from torch import nn
from twins.arriving import OTHERS, SHIFT_INVARIANT, classifier, inputs, linear_loss

from derivations.errors import InputError
from numeric.every_loss.loss_bounds import bounds
from numeric.every_loss.reachable import LOGITS
from numeric.every_loss.weight_signals import weight_signals


def norms(model, x, loss):
    """‖∂L/∂z‖ and ‖∂L/∂W‖ by name, of the batch."""
    named = dict(model.named_parameters())
    for each in named.values():
        each.requires_grad_()
    z = model(x)
    a, *found = torch.autograd.grad(loss(z), [z, *named.values()])
    for each in named.values():
        each.requires_grad_(False)
    return a.norm(), {name: each.norm() for name, each in zip(named, found, strict=True)}


def test_no_loss_leaves_a_samples_bounds_and_the_ends_are_attained():
    model, x = classifier(), inputs()
    found = weight_signals(model, x, basis="all")
    for k in range(4):
        for name, loss in {**SHIFT_INVARIANT, **OTHERS}.items():
            cls = "shift_invariant" if name in SHIFT_INVARIANT else "all"
            size, weights = norms(model, x[k : k + 1], loss)
            for weight, measured in weights.items():
                made = bounds(found, weight, LOGITS, cls)
                assert made.lower[k] * (1 - 1e-9) <= measured / size <= made.upper[k] * (1 + 1e-9)
        for weight in weights:
            made = bounds(found, weight, LOGITS)
            for end, at in ((made.lower, made.lower_at), (made.upper, made.upper_at)):
                size, measured = norms(model, x[k : k + 1], linear_loss(at[k : k + 1]))
                assert (measured[weight] / size).item() == pytest.approx(end[k].item(), rel=1e-9)


def test_of_two_layers_the_ratio_is_bounded():
    model, x = classifier(), inputs()
    found = weight_signals(model, x, ("0.0.weight", "2.0.weight"))
    made = bounds(found, "0.0.weight", "2.0.weight")
    for loss in SHIFT_INVARIANT.values():
        for k in range(4):
            _, measured = norms(model, x[k : k + 1], loss)
            ratio = measured["0.0.weight"] / measured["2.0.weight"]
            assert made.lower[k] * (1 - 1e-9) <= ratio <= made.upper[k] * (1 + 1e-9)


def test_a_batchs_gradient_is_bounded_by_the_batchs_own_kernel_and_not_by_its_samples():
    model, x = classifier(), inputs()
    x[1] = x[0]
    found = weight_signals(model, x, basis="all", whole_batch=True)
    alone = weight_signals(model, x, basis="all")
    assert found.basis.shape == (1, 20, 20)
    for weight in ("0.0.weight", "4.weight"):
        made = bounds(found, weight, LOGITS, "all")
        for loss in SHIFT_INVARIANT.values():
            size, measured = norms(model, x, loss)
            assert made.lower * (1 - 1e-9) <= measured[weight] / size <= made.upper * (1 + 1e-9)
        # Equal samples with opposite signals: nothing is left.
        a = torch.zeros(4, 5).double()
        a[0, 0], a[1, 0] = 1, -1
        _, measured = norms(model, x, linear_loss(a))
        assert measured[weight] <= 1e-12
        assert made.lower <= 1e-9
        assert (bounds(alone, weight, LOGITS, "all").lower > 1e-3).all()


def test_coupled_samples_are_bounded_as_a_batch():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3)).double()
    x = inputs()
    found = weight_signals(model, x, ("3.weight", "1.weight"), joined=True, at_once=3)
    for weight in ("3.weight", "1.weight"):
        made = bounds(found, weight, LOGITS)
        for loss in SHIFT_INVARIANT.values():
            size, measured = norms(model, x, loss)
            assert made.lower * (1 - 1e-9) <= measured[weight] / size <= made.upper * (1 + 1e-9)


def test_parameters_come_back_as_they_were_and_others_are_refused():
    model, x = classifier(), inputs()
    weight_signals(model, x, ("4.weight",))
    assert not any(each.requires_grad for each in model.parameters())
    with pytest.raises(InputError, match="no parameter 'w'"):
        weight_signals(model, x, ("w",))
