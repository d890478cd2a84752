"""Terms run as modules: each node computes its formula, once per input, without broadcasting."""

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from strategies import drawn_blocks, gaussian
from torch import Tensor, nn

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.terms import (
    Add,
    Chain,
    Concat,
    Gate,
    Identity,
    Layer,
    Linear,
    Pointwise,
    Term,
)
from derivations.errors import InputError, UnknownNodeError
from numeric.evaluation.realize import realize

F, G, W, PHI = Layer("F"), Layer("G"), Linear("W"), Pointwise("phi")
X = gaussian(2, 3, seed=0)


class Counting:
    """A map that counts its calls."""

    def __init__(self, function) -> None:
        self.function, self.calls = function, 0

    def __call__(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.function(x)


def twice(x):
    return 2 * x


def plus_one(x):
    return x + 1


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (Identity(), X),
        (F, 2 * X),
        (Chain(F, G), 2 * X + 1),
        (Chain(G, F), 2 * (X + 1)),
        (Add(F, Identity(), G), 4 * X + 1),
        (Concat(F, Identity()), torch.cat([2 * X, X], 1)),
        (Concat(Identity(), F), torch.cat([X, 2 * X], 1)),
        (Gate(F, G), 2 * X * (X + 1)),
        (Chain(Add(F, Identity()), Gate(PHI, G)), torch.tanh(3 * X) * (3 * X + 1)),
    ],
)
def test_each_node_computes_its_formula(term, expected):
    assert torch.equal(realize(term, {"F": twice, "G": plus_one, "phi": torch.tanh})(X), expected)


def evaluate(term: Term, leaves, x: Tensor) -> Tensor:
    """The meaning of a term, without memory."""
    match term:
        case Identity():
            return x
        case Chain(parts=parts):
            for part in parts:
                x = evaluate(part, leaves, x)
            return x
        case Add(parts=parts):
            return torch.stack([evaluate(part, leaves, x) for part in parts]).sum(0)
        case Concat(parts=parts):
            return torch.cat([evaluate(part, leaves, x) for part in parts], 1)
        case Gate(signal=signal, gate=gate):
            return evaluate(signal, leaves, x) * evaluate(gate, leaves, x)
        case Layer(name) | Linear(name) | Pointwise(name):
            return leaves[name](x)
    raise AssertionError(term)


@given(drawn_blocks())
def test_drawn_terms_agree_with_their_meaning(block):
    expected = evaluate(block.term, block.leaves, block.x)
    assert torch.allclose(
        block.module(block.x),
        expected,
        rtol=1e-4 if block.x.dtype == torch.float32 else 1e-11,
        atol=1e-5,
    )


def test_drawn_terms_cover_the_algebra():
    seen: set[str] = set()

    @settings(max_examples=150, derandomize=True, database=None)
    @given(drawn_blocks())
    def collect(block):
        seen.update(
            node
            for node in (
                "Add",
                "Chain",
                "Concat",
                "Gate",
                "Identity",
                "Layer",
                "Linear",
                "Pointwise",
            )
            if node in repr(block.term)
        )
        seen.update({f"{block.x.dim()}d", str(block.x.dtype)})

    collect()
    assert len(seen) == 8 + 2 + 2


def test_a_subterm_is_evaluated_once_per_input():
    leaf, head = Counting(twice), Counting(plus_one)
    term = Add(Gate(F, Chain(F, G)), Chain(F, G), Concat(F), Identity())
    realize(term, {"F": leaf, "G": head})(X)
    assert (leaf.calls, head.calls) == (1, 1)


def test_a_subterm_is_evaluated_again_at_another_input():
    leaf = Counting(twice)
    assert torch.equal(realize(Chain(F, F, F), {"F": leaf})(X), 8 * X)
    assert leaf.calls == 3


def test_nothing_is_remembered_between_calls():
    leaf = Counting(twice)
    block = realize(F, {"F": leaf})
    assert torch.equal(block(X), 2 * X)
    assert torch.equal(block(X + 1), 2 * X + 2)
    assert leaf.calls == 2


def test_the_squeeze_and_excitation_branch_runs_once():
    squeeze = {
        "P": lambda u: u.mean((2, 3)),
        "W_1": nn.Linear(4, 2).double(),
        "relu": torch.relu,
        "W_2": nn.Linear(2, 4).double(),
        "sigmoid": torch.sigmoid,
        "B": lambda s: s[:, :, None, None].expand(-1, -1, 3, 3),
    }
    branch = Counting(nn.Conv2d(4, 4, 3, padding=1).double())
    x = gaussian(2, 4, 3, 3, seed=1)
    value = realize(BLOCKS["se_residual"].term, {"F": branch, **squeeze})(x)
    assert branch.calls == 1
    u = branch.function(x)
    gate = torch.sigmoid(squeeze["W_2"](torch.relu(squeeze["W_1"](u.mean((2, 3))))))
    assert torch.allclose(value, gate[:, :, None, None] * u + x)


def test_gradients_flow_to_the_input_and_the_weights():
    layer = nn.Linear(3, 3).double()
    x = X.clone().requires_grad_()
    realize(Add(F, Identity()), {"F": layer})(x).sum().backward()
    assert torch.allclose(x.grad, 1 + layer.weight.detach().sum(0).expand(2, 3))
    assert layer.weight.grad is not None


def test_leaf_modules_are_submodules_and_keep_their_mode():
    layer, norm = nn.Linear(3, 3), nn.BatchNorm1d(3).eval()
    block = realize(Chain(F, G), {"F": layer, "G": norm.forward, "unused": nn.Linear(1, 1)})
    assert set(block.modules()) >= {layer, norm}
    assert sum(1 for module in block.modules() if isinstance(module, nn.Linear)) == 1
    assert (layer.training, norm.training) == (True, False)


def test_a_missing_leaf_is_named_at_once():
    with pytest.raises(
        InputError, match="leaf 'G' of the term has no map: add it to the leaves \\(F\\)"
    ):
        realize(Add(F, Chain(F, G)), {"F": twice})


@dataclass(frozen=True)
class Novel(Term):
    """A node without rules."""


@pytest.mark.parametrize("term", [Novel(), Add(F, Novel()), Gate(F, Novel()), Chain(Novel(), F)])
def test_an_unknown_node_is_named(term):
    with pytest.raises(UnknownNodeError, match="Novel"):
        realize(term, {"F": twice})


@pytest.mark.parametrize(
    ("term", "leaf", "message"),
    [
        (Add(F, Identity()), lambda x: x[:, :1], r"Add joins shapes \(2, 1\) and \(2, 3\)"),
        (Gate(Identity(), F), lambda x: x[:, :1], r"Gate joins shapes \(2, 3\) and \(2, 1\)"),
        (Add(Identity(), F), lambda x: x[:, None], r"Add joins shapes \(2, 3\) and \(2, 1, 3\)"),
        (
            Concat(Identity(), F),
            lambda x: x[:, :, None],
            r"Concat joins shapes \(2, 1\) and \(2, 1, 1\)",
        ),
        (F, lambda x: x.sum(), r"leaf 'F' maps \(2, 3\) to \(\)"),
        (F, lambda x: x[:1], r"leaf 'F' maps \(2, 3\) to \(1, 3\)"),
        (F, lambda x: x.sum(1), r"leaf 'F' maps \(2, 3\) to \(2,\)"),
        (F, lambda x: (x, x), "leaf 'F' maps .* to tuple"),
        (F, lambda x: x.mul_(2), "leaf 'F' changes its input in place"),
        (Pointwise("F"), lambda x: x[:, :2], r"pointwise leaf 'F' maps \(2, 3\) to \(2, 2\)"),
    ],
)
def test_values_that_do_not_fit_are_refused(term, leaf, message):
    with pytest.raises(InputError, match=message):
        realize(term, {"F": leaf})(X.clone())


def test_images_of_different_size_are_not_broadcast():
    with pytest.raises(InputError, match="without broadcasting"):
        realize(Gate(Identity(), F), {"F": lambda x: x.mean((2, 3), keepdim=True)})(
            gaussian(2, 3, 4, 4, seed=0)
        )
