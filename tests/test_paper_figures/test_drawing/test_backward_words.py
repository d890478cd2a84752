"""What is said of the edges of a block is what the chain rule gives."""

import re

import numpy as np
import pytest

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.terms import (
    Add,
    Chain,
    Complement,
    Concat,
    Gate,
    Identity,
    Layer,
    Linear,
    Pointwise,
    Term,
)
from derivations.errors import UnknownNodeError
from paper_figures.drawing.backward_words import backward_words, carry


def test_the_papers_blocks() -> None:
    said = {name: backward_words(block.term, block.labels) for name, block in BLOCKS.items()}
    assert said["plain"] == "Backward, g = ∂L/∂H enters at the output. ∂L/∂x = J_Fᵀ g."
    assert said["residual"].endswith("added where they began. ∂L/∂x = J_Fᵀ g + g.")
    assert said["se_residual"].endswith(
        "∂L/∂x = J_Fᵀ (Bs ⊙ g) + J_Fᵀ Pᵀ W₁ᵀ (relu′ ⊙ W₂ᵀ (sigmoid′ ⊙ Bᵀ (u ⊙ g))) + g."
    )
    assert "sends Bs ⊙ g back to the signal and u ⊙ g to the gate" in said["se_residual"]
    assert said["dense"].endswith("∂L/∂x = J_Fᵀ g₁ + g₂.")


A, B = np.array([[2.0, -1.0], [0.5, 3.0]]), np.array([[1.0, 4.0], [-2.0, 0.25]])
D = np.diag([0.5, -1.5])
TERMS: list[tuple[Term, np.ndarray]] = [
    (Chain(Layer("A"), Layer("B")), B @ A),
    (Add(Layer("A"), Layer("B"), Identity()), A + B + np.eye(2)),
    (Chain(Add(Layer("A"), Identity()), Linear("B")), B @ (A + np.eye(2))),
    (Chain(Pointwise("d"), Add(Chain(Layer("A"), Complement()), Layer("B"))), (B - A) @ D),
    (Chain(Linear("A"), Pointwise("d"), Linear("B")), B @ D @ A),
]


@pytest.mark.parametrize(("term", "jacobian"), TERMS)
def test_the_words_evaluate_to_the_transposed_jacobian(term: Term, jacobian: np.ndarray) -> None:
    """The text is read back as numpy: precedence included."""
    signal = np.array([1.5, -0.75])
    text = carry(term, "g", {}).result.replace("−", "-").replace("d′ ⊙ ", "D @ ")
    text = re.sub(r"J_(\w)ᵀ |(\w)ᵀ ", lambda found: f"{found[1] or found[2]}.T @ ", text)
    found = eval(text, {"A": A, "B": B, "D": D, "g": signal})  # noqa: S307  # words of our own
    assert found == pytest.approx(jacobian.T @ signal)


def test_joins_are_told_once_and_values_without_a_name_in_words() -> None:
    block = Add(Layer("F"), Identity())
    assert backward_words(Chain(block, block)).count("The sum hands") == 2  # g, then g′
    gated = backward_words(Gate(Layer("a"), Layer("b")))
    assert "[gate] ⊙ g back to the signal and [signal] ⊙ g to the gate" in gated
    parts = backward_words(Concat(Layer("a"), Layer("b"), Layer("c")))
    assert "cuts g into g₁, g₂, g₃" in parts
    assert "each of its 3 edges" in backward_words(Add(Layer("a"), Layer("b"), Layer("c")))


def test_an_unknown_node_is_refused_by_name() -> None:
    class Odd(Term):
        pass

    with pytest.raises(UnknownNodeError, match="Odd"):
        backward_words(Odd())
