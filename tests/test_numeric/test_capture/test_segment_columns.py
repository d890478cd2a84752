"""Columns of captured segments are those of the whole engine, and of autograd."""

import pytest
import torch
from torch import Tensor, nn

from derivations.algebra.terms import Add, Chain, Concat, Gate, Identity, Layer, Linear, Pointwise
from derivations.errors import UnknownNodeError
from numeric.capture.segment_columns import SegmentColumns, derived_once
from numeric.evaluation.evaluate import evaluate
from numeric.evaluation.realize import realize
from numeric.recording.operations import Traits

F, G, W, X, TANH = Layer("F_1"), Layer("F_2"), Linear("W_1"), Identity(), Pointwise("tanh")


class Map:
    """A leaf of a captured term, around a module."""

    traits, modules, functions = Traits(), (), ()

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __call__(self, x: Tensor, /) -> Tensor:
        out: Tensor = self.module(x)
        return out


def leaves() -> dict[str, Map]:
    torch.manual_seed(0)
    return {
        "F_1": Map(nn.Sequential(nn.Linear(4, 4), nn.Tanh()).double()),
        "F_2": Map(nn.Sequential(nn.Linear(4, 4), nn.Sigmoid()).double()),
        "W_1": Map(nn.Linear(4, 4).double()),
        "tanh": Map(nn.Tanh()),
    }


TERMS = [
    F,
    Add(F, X),
    Add(F, W),
    Gate(F, G),
    Concat(F, X),
    Add(Chain(F, Gate(X, G), W), X),
    Chain(Add(F, X), TANH),
    Chain(TANH, Add(F, W)),
    Concat(X, Concat(F, W)),
    Add(Gate(F, G), Gate(X, G)),
    Chain(Concat(F, W), Linear("W_2")),
    Add(Concat(Linear("W_3"), Linear("W_4")), X),
]


def at(term, joined=False):
    maps = leaves() | {
        "W_2": Map(nn.Linear(8, 3).double()),
        "W_3": Map(nn.Linear(4, 1).double()),
        "W_4": Map(nn.Linear(4, 3).double()),
    }
    needed = {name: each for name, each in maps.items() if f"'{name}'" in repr(term)}
    x = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    out = realize(term, needed)(x)
    g = torch.randn(out.shape, dtype=out.dtype, generator=torch.Generator().manual_seed(2))
    return needed, x, g, SegmentColumns(term, needed, x, g, joined)


@pytest.mark.parametrize("term", TERMS, ids=str)
def test_the_pullback_is_autograds(term):
    needed, x, g, columns = at(term)
    source = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(realize(term, needed)(source), source, g)
    found = columns.column(columns.derived.line.pullback)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("term", TERMS, ids=str)
def test_numbers_are_those_of_the_engine(term):
    """The slow twin derives at the real sizes and builds an operator of every leaf."""
    from numeric.evaluation.evaluate import numbers_at
    from numeric.settings import Effort

    needed, x, g, columns = at(term)
    fast, slow = numbers_at(columns, Effort(), False), evaluate(term, needed, x, g, spectra=False)
    assert torch.allclose(fast.gain, slow.gain, rtol=1e-12)
    # Their names show the sizes, which are letters in one and numbers in the other.
    for (name, value), other in zip(fast.terms.items(), slow.terms.values(), strict=True):
        assert torch.allclose(value, other, rtol=1e-10, atol=1e-12), name
    assert [bound.id for bound in fast.bounds] == [bound.id for bound in slow.bounds]
    for one, other in zip(fast.bounds, slow.bounds, strict=True):
        assert torch.allclose(one.value, other.value, rtol=1e-7, atol=1e-12), one.id


@pytest.mark.parametrize("term", TERMS, ids=str)
def test_joined_columns_are_the_batch_as_one_vector(term):
    _, _, g, apart = at(term)
    *_, joined = at(term, joined=True)
    pullback = apart.derived.line.pullback
    assert torch.equal(joined.column(pullback), apart.column(pullback).reshape(1, -1))
    assert torch.equal(joined.g, g.reshape(1, -1))


def test_one_derivation_serves_every_size():
    assert derived_once(Add(F, X)) is derived_once(Add(F, X))


def test_operators_are_refused():
    *_, columns = at(Add(F, X))
    with pytest.raises(UnknownNodeError, match="no operator"):
        columns.operator(columns.derived.line.pullback)


def test_a_leaf_that_lets_nothing_through_has_a_zero_pullback():
    needed = {"F_1": Map(nn.Identity())}
    needed["F_1"].module.forward = torch.ones_like  # type: ignore[method-assign]
    x = torch.randn(2, 4, dtype=torch.float64)
    columns = SegmentColumns(Add(F, X), needed, x, x)
    assert torch.equal(columns.column(columns.derived.line.pullback), x)
