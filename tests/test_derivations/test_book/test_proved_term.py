"""What is said of any term was proved, and a false rule is named."""

import pytest

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import Notation
from derivations.algebra.printing import step_latex
from derivations.algebra.symbolic_dims import symbolic_dims
from derivations.algebra.terms import Add, Chain, Concat, Gate, Identity, Layer, Linear, Pointwise
from derivations.book import proved_term
from derivations.book.proved_term import prove
from derivations.errors import ViolationError
from derivations.rules.bounds import bounds

F, G, W, X, RELU = Layer("F_1"), Layer("F_2"), Linear("W_1"), Identity(), Pointwise("relu")


@pytest.mark.parametrize(
    "term",
    [
        *(block.term for block in BLOCKS.values()),
        RELU,
        W,
        X,
        Chain(RELU, W),
        Add(W, X),
        Gate(X, W),
        Add(X, X),
        Gate(X, X),
        Concat(X, X),
        Chain(Add(F, X), RELU, G),
        Chain(Concat(Chain(W, RELU), F), Linear("W_2")),
        Add(F, G, Layer("F_3"), W),
        Add(Concat(F, G), X),
        Chain(F, Pointwise("phi"), G, Pointwise("psi"), *(Layer(f"F_{i}") for i in range(3, 9))),
    ],
    ids=str,
)
def test_every_bound_of_any_term_is_said_by_a_step_that_passed(term):
    found = prove(term)
    sizes = symbolic_dims(term)
    notation = Notation(term, sizes.dims, "operator", inputs=sizes.inputs)
    expected = {b.id for theorem in bounds(notation).theorems for b in theorem.bounds}
    assert set(found.bounds) == expected
    assert found.text.startswith("dL/dx = ")
    assert found.latex.startswith(r"\frac{\partial L}{\partial x} = ")


def test_a_residual_term_is_written_as_expected():
    assert prove(Add(F, X)).text == "dL/dx = J_F_1ᵀ*g + g"


def test_a_bound_that_no_step_says_is_a_violation(monkeypatch):
    prove.cache_clear()
    monkeypatch.setattr(proved_term, "bound_step", lambda bound, steps: None)
    with pytest.raises(ViolationError, match="says the bound"):
        prove(Add(F, X))
    prove.cache_clear()


def test_a_step_that_fails_is_a_violation(monkeypatch):
    """As where a rule of the Jacobian is wrong: here the pullback is that of another term."""
    prove.cache_clear()
    real = proved_term.linearize

    def wrong(notation):
        from dataclasses import replace

        line = real(notation)
        *before, last = line.derivation.steps
        said = replace(last, after=last.after + last.after)
        return replace(line, derivation=replace(line.derivation, steps=(*before, said)))

    monkeypatch.setattr(proved_term, "linearize", wrong)
    with pytest.raises(ViolationError, match="fails: dL/dx"):
        prove(Add(F, X))
    prove.cache_clear()


def test_letters_are_those_of_the_notation():
    term = Add(F, X)
    notation = Notation(term, symbolic_dims(term).dims, "operator")
    line = proved_term.linearize(notation)
    assert prove(term).latex == step_latex(line.derivation.steps[-1], notation)
