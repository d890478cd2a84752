"""A dense layer's gradient from the signals and inputs that meet in it, against autograd."""

import pytest
import torch
from strategies import gaussian
from torch.nn import functional

from derivations.errors import InputError
from numeric.every_loss.dense_gradients import along_weight, gradient_norm


def layer(places):
    """A layer at each of 3 batches of `places`; its gradients, signals, inputs and values."""
    w = gaussian(5, 4, seed=0).requires_grad_()
    h = gaussian(3, places, 4, seed=1)
    u = h @ w.T
    u.retain_grad()
    loss = (u.tanh() * gaussian(3, places, 5, seed=2)).sum((1, 2))
    grads = torch.stack([torch.autograd.grad(each, w, retain_graph=True)[0] for each in loss])
    (g,) = torch.autograd.grad(loss.sum(), u)
    return w.detach(), grads, g, h, u.detach()


@pytest.mark.parametrize("places", [1, 7])
def test_the_norm_and_the_part_along_the_weight_are_autograds(places):
    w, grads, g, h, u = layer(places)
    assert torch.allclose(gradient_norm(g, h), grads.flatten(1).norm(dim=1), rtol=1e-12)
    assert torch.allclose(along_weight(g, u), (grads * w).sum((1, 2)), rtol=1e-12)
    if places == 1:
        product = g.norm(dim=2) * h.norm(dim=2)
        assert torch.allclose(gradient_norm(g, h), product[:, 0], rtol=1e-12)


def test_a_convolution_is_a_dense_layer_at_every_patch():
    w = gaussian(3, 2, 3, 3, seed=0).requires_grad_()
    x = gaussian(2, 2, 5, 5, seed=1)
    u = functional.conv2d(x, w, padding=1)
    g = gaussian(*u.shape, seed=2)
    grads = [torch.autograd.grad((u[k] * g[k]).sum(), w, retain_graph=True)[0] for k in range(2)]
    patches = functional.unfold(x, 3, padding=1).mT
    found = gradient_norm(g.flatten(2).mT, patches)
    assert torch.allclose(found, torch.stack([each.norm() for each in grads]), rtol=1e-12)
    along = torch.stack([(each * w).sum() for each in grads])
    assert torch.allclose(along_weight(g, u), along, rtol=1e-10)


def test_a_layer_behind_which_scale_does_not_matter_turns_but_does_not_grow():
    """⟨∂L/∂W, W⟩ = 0 in front of a normalization: its weight's length cannot converge by it."""
    w, h = gaussian(5, 4, seed=0).requires_grad_(), gaussian(6, 4, seed=1)
    u = h @ w.T
    loss = (
        functional.batch_norm(u, None, None, training=True, eps=1e-30) * gaussian(6, 5, seed=2)
    ).sum()
    grad, g = torch.autograd.grad(loss, [w, u])
    assert (grad * w).sum().abs() <= 1e-12 * grad.norm() * w.norm()
    assert along_weight(g[None], u[None]).abs() <= 1e-12 * g.norm() * u.norm()


def test_no_square_is_lost():
    _, _, g, h, _ = layer(3)
    small = gradient_norm(g * 1e-200, h * 1e-100)
    assert torch.allclose(small / 1e-300, gradient_norm(g, h), rtol=1e-9)
    assert gradient_norm(0 * g, h).tolist() == [0.0] * 3


def test_places_that_do_not_meet_are_refused():
    with pytest.raises(InputError, match="same places"):
        gradient_norm(torch.ones(2, 3, 4), torch.ones(2, 4, 4))
    with pytest.raises(InputError, match="not of values"):
        along_weight(torch.ones(2, 3), torch.ones(2, 4))
