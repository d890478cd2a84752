"""Whose a row is: told by the signals that reach it, where two axes are equally long, too."""

import pytest
import torch
from strategies import gaussian
from torch import Tensor, nn

from derivations.errors import InputError
from numeric.capture.capture import capture
from numeric.every_loss.logit_graph import logit_graph
from numeric.every_loss.sample_rows import check_rows, sets_of_samples

BATCH = 5
WEIGHT = gaussian(4, 3, seed=1)


def x() -> Tensor:
    return gaussian(BATCH, BATCH, 4, seed=0)


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 32])
def test_of_any_two_samples_each_is_kept_without_the_other(batch):
    kept = sets_of_samples(batch)
    for one in range(batch):
        for other in range(batch):
            assert one == other or (kept[:, one] & ~kept[:, other]).any()


def test_rows_are_told_from_others_by_what_reaches_them():
    given = x().requires_grad_()
    tokens = given.transpose(0, 1).tanh()
    back = tokens.transpose(0, 1)
    logits = back.mean(1) @ WEIGHT
    check_rows(logits, [given, back])
    with pytest.raises(InputError, match="first axis between blocks does not count them"):
        check_rows(logits, [given, tokens, back])


@pytest.mark.parametrize("shift", [1, 2, 4])
def test_any_other_sample_is_seen(shift):
    given = gaussian(BATCH, 4, seed=0).requires_grad_()
    other = torch.zeros(BATCH, 1, dtype=torch.float64)
    other[2] = 1.0
    with pytest.raises(InputError, match="depend on each other"):
        check_rows((given + other * given.roll(shift, 0)) @ WEIGHT, [given])


def test_a_slope_that_is_infinite_is_no_row_of_another():
    given = torch.zeros(BATCH, 4, dtype=torch.float64).requires_grad_()
    check_rows(given.sqrt() @ WEIGHT, [given])


def test_chains_and_captured_models_are_asked():
    """Of the custom function nothing is known but what its backward pass does."""

    def first(v: Tensor) -> Tensor:
        return v.transpose(0, 1).tanh()

    def last(v: Tensor) -> Tensor:
        return v.mean(0) @ WEIGHT

    with pytest.raises(InputError, match="joined=True"):
        logit_graph([first, last], x())
    assert logit_graph([first, last], x(), joined=True).logits.shape == (BATCH, 3)
    assert logit_graph([lambda v: last(first(v))], x()).logits.shape == (BATCH, 3)

    class Turned(torch.autograd.Function):
        @staticmethod
        def forward(ctx, h):
            return h.transpose(0, 1).clone()

        @staticmethod
        def backward(ctx, g):
            return g.transpose(0, 1)

    torch.manual_seed(0)
    layer, after = nn.Linear(4, 4).double(), nn.Linear(4, 4).double()

    def model(v: Tensor) -> Tensor:
        h = layer(Turned.apply(v))
        return last(h + after(h).tanh())

    captured = capture(model, (x(),), {})
    assert len(captured.segments) > 1
    with pytest.raises(InputError, match="joined=True"):
        logit_graph(captured)
