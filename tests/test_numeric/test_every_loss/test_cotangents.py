"""Directions of ∂L/∂z: they keep a ⊥ 1 exactly, and labels are autograd's without cancellation."""

import pytest
import torch
from strategies import gaussian
from torch.nn import functional

from derivations.errors import InputError
from numeric.every_loss.cotangents import (
    check_directions,
    everything,
    hard_labels,
    others_of,
    sum_zero,
    surprise,
)


def test_differences_of_logits_span_what_sums_to_zero_and_with_the_ones_everything():
    z = gaussian(3, 6, seed=0)
    made = sum_zero(z)
    assert (made.sum(1) == 0).all()
    assert (torch.linalg.matrix_rank(made) == 5).all()
    assert set(made.unique().tolist()) == {-1.0, 0.0, 1.0}
    assert (made.gather(1, z.argmax(1)[:, None, None].expand(-1, 1, 5)) == -1).all()
    assert (torch.linalg.matrix_rank(everything(z)) == 6).all()
    assert torch.equal(everything(z)[:, :, :5], made)


def test_hard_labels_are_the_signals_of_cross_entropy():
    z = gaussian(3, 6, seed=0).requires_grad_()
    made, lengths = hard_labels(z, torch.arange(6)), surprise(z)
    for y in range(6):
        loss = functional.cross_entropy(z, torch.full((3,), y), reduction="sum")
        (a,) = torch.autograd.grad(loss, z)
        assert torch.allclose(made[:, :, y] * lengths[:, y, None], a, rtol=1e-12)
        assert (made[:, y, y] == -1).all()
    assert torch.allclose(made.sum(1), torch.zeros(3, 6).double(), atol=1e-15)


def test_a_saturated_label_keeps_its_direction():
    """p_y rounds to 1 and p − e_y to nothing but a rest that leaves 1⊥."""
    z = torch.tensor([[60.0, 1.0, 2.0]], dtype=torch.float64)
    assert z.softmax(1)[0, 0] == 1
    r = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)[1:].softmax(0)
    made = hard_labels(z, torch.tensor([0]))[0, :, 0]
    assert torch.allclose(made, torch.cat([torch.tensor([-1.0]).double(), r]), rtol=1e-15)
    exact = z[0, 1:].logsumexp(0) - 60
    assert surprise(z)[0, 0].log().item() == pytest.approx(exact.item(), rel=1e-14)


def test_each_sample_may_have_labels_of_its_own():
    z = gaussian(2, 4, seed=1)
    made = hard_labels(z, torch.tensor([[0], [3]]))
    assert torch.equal(made[0], hard_labels(z, torch.tensor([0]))[0])
    assert torch.equal(made[1], hard_labels(z, torch.tensor([3]))[1])


def test_the_others_are_all_but_one_in_order():
    assert others_of(torch.tensor([0, 2]), 4).tolist() == [[1, 2, 3], [0, 1, 3]]


def test_what_is_no_label_is_refused():
    z = gaussian(2, 4, seed=0)
    with pytest.raises(InputError, match="none of 0"):
        hard_labels(z, torch.tensor([4]))
    with pytest.raises(InputError, match="give"):
        hard_labels(z, torch.zeros(3, 2).long())
    with pytest.raises(InputError, match="whole numbers"):
        hard_labels(z, torch.tensor([0.5]))
    with pytest.raises(InputError, match="the basis must be"):
        check_directions(z / 0, "the basis")
    with pytest.raises(InputError, match="one logit"):
        sum_zero(z[:, :1])
    with pytest.raises(InputError, match="one logit"):
        hard_labels(z[:, :1], torch.tensor([0]))
    assert everything(z[:, :1]).shape == (2, 1, 1)
