"""The gradient of a dense step by its inputs, against autograd on separate tensors."""

import math

import pytest
import torch
from strategies import gaussian
from torch import nn

from derivations.algebra.blocks import BLOCKS, DENSE
from derivations.errors import InputError
from numeric.evaluation.dense_inputs import input_parts, square_root_law, vanishing_gain
from numeric.evaluation.evaluate import evaluate


def test_the_parts_are_autograds_gradients_of_separate_inputs():
    sizes, branch = [3, 2, 4], nn.Sequential(nn.Linear(9, 5), nn.Tanh()).double()
    pieces = [gaussian(6, size, seed=size).requires_grad_() for size in sizes]
    g = gaussian(6, 14, seed=9)
    state = torch.cat(pieces, 1)
    gradients = torch.autograd.grad(torch.cat((branch(state), state), 1), pieces, g)
    numbers = evaluate(DENSE.term, {"F": branch}, state.detach(), g)
    parts = input_parts(numbers.pullback, g[:, 5:], sizes)
    assert torch.allclose(
        parts.gradients, torch.stack([each.norm(dim=1) for each in gradients], 1), rtol=1e-12
    )
    assert torch.allclose(
        parts.signals,
        torch.stack([each.norm(dim=1) for each in g[:, 5:].split(sizes, 1)], 1),
        rtol=1e-12,
    )
    assert torch.allclose(parts.left, g[:, 5:].norm(dim=1), rtol=1e-12)
    assert torch.allclose(parts.rms, (parts.signals**2).mean(1).sqrt(), rtol=1e-12)
    assert torch.allclose(
        parts.gradients.square().sum(1).sqrt(), numbers.terms["norm_pullback"], rtol=1e-12
    )


def test_the_law_is_the_square_root():
    assert [square_root_law(l) for l in range(1, 65)] == pytest.approx(
        [math.sqrt(l) for l in range(1, 65)], rel=1e-15
    )
    with pytest.raises(InputError, match="at least 1"):
        square_root_law(0)


def test_what_is_left_of_each_block():
    left = dict.fromkeys(
        (
            "residual",
            "se_residual",
            "dense",
            "projection",
            "post_activation",
            "pre_activation",
            "resnext",
        ),
        1.0,
    ) | {"plain": 0.0}
    assert {name: vanishing_gain(name) for name in left} == left
    for name in set(BLOCKS) - set(left):  # what their gates leave depends on where they are
        with pytest.raises(InputError, match="do not close"):
            vanishing_gain(name)


@pytest.mark.parametrize(
    ("pullback", "signal", "sizes"),
    [((2, 5), (2, 5), [2, 2]), ((2, 5), (2, 4), [5]), ((2, 5, 1), (2, 5, 1), [5])],
)
def test_shapes_that_do_not_fit_are_refused(pullback, signal, sizes):
    with pytest.raises(InputError, match="cannot split"):
        input_parts(torch.ones(pullback), torch.ones(signal), sizes)


def test_non_finite_numbers_are_refused():
    with pytest.raises(InputError):
        input_parts(torch.full((1, 2), torch.nan), torch.ones(1, 2), [1, 1])
