"""A whole block given as the branch of its own structure is noticed; a mere branch is not."""

import warnings

import pytest
import torch
from strategies import gaussian
from torch import Tensor, nn

from derivations.algebra.blocks import DENSE, RESIDUAL
from derivations.algebra.terms import Add, Identity, Layer
from numeric.evaluation.evaluate import evaluate
from numeric.evaluation.realize import realize
from numeric.evaluation.repeated_skips import RepeatedSkipWarning

N = 3
BRANCH = nn.Sequential(nn.Linear(N, N), nn.Tanh(), nn.Linear(N, N)).double()
X = gaussian(2, N, seed=0)


class Whole(nn.Module):
    """A block as users write it; `after` may follow the sum."""

    def __init__(self, after: nn.Module | None = None, in_place: bool = False) -> None:
        super().__init__()
        self.branch, self.after, self.in_place = BRANCH, after or nn.Identity(), in_place

    def forward(self, x: Tensor) -> Tensor:
        identity, out = x, self.branch(x)
        if self.in_place:
            out += identity
        else:
            out = identity + out
        return self.after(out)


WHOLE = {
    "a sum": Whole(),
    "in place, with a ReLU": Whole(nn.ReLU(), in_place=True),
    "an in-place ReLU": Whole(nn.ReLU(inplace=True)),
    "a term": realize(RESIDUAL.term, {"F": BRANCH}),
    "frozen": Whole().requires_grad_(False),
    "a function": lambda x: BRANCH(x) + x,
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("structure", ["residual", "post_activation"])
def test_a_whole_block_is_noticed(name, structure):
    with pytest.warns(RepeatedSkipWarning, match="leaf 'F' adds or appends its own") as warned:
        evaluate(structure, {"F": WHOLE[name], "relu": nn.ReLU()}, X, gaussian(2, N, seed=1))
    assert warned[0].filename == __file__


def test_a_whole_dense_step_is_noticed():
    leaf = realize(DENSE.term, {"F": BRANCH})
    with pytest.warns(RepeatedSkipWarning):
        evaluate("dense", {"F": leaf}, X, gaussian(2, 3 * N, seed=1))


def test_a_whole_gated_block_is_noticed():
    leaves = {"F": Whole(), "s": nn.Sequential(nn.Linear(N, N).double(), nn.Sigmoid())}
    with pytest.warns(RepeatedSkipWarning):
        evaluate("input_gate", leaves, X, gaussian(2, N, seed=1))


MERE = {
    "a branch": BRANCH,
    "a block before a layer": nn.Sequential(Whole(), nn.Linear(N, N).double()),
    "a frozen block before a layer": nn.Sequential(
        Whole(), nn.Linear(N, N, bias=False).double()
    ).requires_grad_(False),
    "a block behind a layer": nn.Sequential(nn.Linear(N, N).double(), Whole()),
    "a sum of branches": lambda x: BRANCH(x) + BRANCH(2 * x),
    "a bias": lambda x: BRANCH(x) + 1,
    "a constant": torch.ones_like,
    "the input alone": nn.Identity(),
}


@pytest.mark.parametrize("name", MERE)
def test_a_branch_is_no_block(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate("residual", {"F": MERE[name]}, X, gaussian(2, N, seed=1))


def test_a_whole_block_is_welcome_where_nothing_is_added():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate("plain", {"F": Whole()}, X, gaussian(2, N, seed=1))
        nested = Add(Add(Layer("F"), Identity()), Layer("G"))
        leaves = {"F": BRANCH, "G": Whole()}
        evaluate(nested, leaves, X, gaussian(2, N, seed=1))
