"""Printed worlds exist: real layers with real gates have them, and their gains are the bounds."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS, GATE
from derivations.algebra.notation import DiagonalOf, JacobianOf, Signal, notation_of
from derivations.algebra.quantities import GAIN
from derivations.algebra.steps import Derivation
from derivations.algebra.terms import Complement, Linear, Term
from derivations.rules.bound_types import Bound, Proved
from derivations.rules.bounds import bounds
from derivations.theorems.every_loss import theorems as every_loss
from derivations.worlds.attaining_worlds import Example, examples
from derivations.worlds.printed_worlds import attains, gates_of

Found = list[tuple[Derivation, Bound, Example]]


def worlds_of(name: str) -> Found:
    made = bounds(notation_of(BLOCKS[name], "operator"))
    found: Found = []
    for theorem in made.theorems:
        sided = [bound for bound in theorem.bounds if bound.side != "equal"]
        for bound, example in zip(
            sided, examples(theorem.derivation, [b.expr for b in sided]), strict=True
        ):
            found.append((theorem.derivation, bound, example))
    return found


@pytest.mark.parametrize("name", BLOCKS)
def test_every_bound_is_attained_where_it_says_something(name):
    for derivation, bound, example in worlds_of(name):
        assert example is not None, bound.id
        assert attains(derivation, bound.expr, example), bound.id
        if bound.side == "lower" and bound.id != "singular.min.lower":
            assert example.gain > 0.05, bound.id


@pytest.mark.parametrize("name", BLOCKS)
def test_no_gate_is_closed_and_no_map_is_nothing(name):
    for derivation, bound, example in worlds_of(name):
        meanings = derivation.notation.meanings
        gates = gates_of(BLOCKS[name].term)
        for letter, matrix in example.letters.items():
            match meanings[letter]:
                case DiagonalOf(value) if value in gates:
                    assert all(0 < entry < 1 for entry in matrix.diagonal()), (bound.id, letter)
                case JacobianOf(Linear(), _) | Signal():
                    assert not matrix.is_zero_matrix, (bound.id, letter)


def test_the_gates_of_blocks_are_known():
    assert gates_of(BLOCKS["se_residual"].term) == {GATE}
    assert len(gates_of(BLOCKS["highway"].term)) == 2
    assert gates_of(BLOCKS["residual"].term) == set()


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def letter(derivation: Derivation, example: Example, name: str) -> np.ndarray:
    return next(
        np.array(matrix, dtype=float)
        for symbol, matrix in example.letters.items()
        if str(symbol) == name
    )


def pulled(function, x: np.ndarray, g: np.ndarray) -> np.ndarray:
    """∂(g·H)/∂x by central differences."""
    step = 1e-6
    return np.array(
        [
            (g @ function(x + step * e) - g @ function(x - step * e)) / (2 * step)
            for e in np.eye(len(x))
        ]
    )


def real_block(name: str, of) -> tuple[object, np.ndarray]:
    """The block as a function with real sigmoids, whose letters at x are those that are printed."""
    x = np.diag(of("diag(x)")) if name == "highway" else np.array([0.3, -0.2])
    if name == "se_residual":
        u, s = np.diag(of("diag(u)")), np.diag(of("diag(Bs)"))
        J, P, W1, W2, B = (of(each) for each in ("J_F", "P", "W_1", "W_2", "B"))
        s = np.linalg.solve(B, s)
        bias1 = 1 - W1 @ P @ u  # every unit is active
        bias2 = np.log(s / (1 - s)) - W2 @ np.ones(2)

        def block(point):
            value = J @ (point - x) + u
            gate = B @ sigmoid(W2 @ np.maximum(W1 @ P @ value + bias1, 0) + bias2)
            return gate * value + point

        return block, x
    gate_name, slope_name = ("s(x)", "J_s") if name == "input_gate" else ("T(x)", "J_T")
    value, gate = np.diag(of("diag(F(x))")), np.diag(of(f"diag({gate_name})"))
    J, slope = of("J_F"), of(slope_name)

    def gated(point):
        # sigmoid(z + A(x' − x)) has the Jacobian diag(s(1 − s)) A.
        inner = np.diag(1 / (gate * (1 - gate))) @ slope
        s = sigmoid(np.log(gate / (1 - gate)) + inner @ (point - x))
        branch = J @ (point - x) + value
        return s * branch + (point if name == "input_gate" else (1 - s) * point)

    return gated, x


@pytest.mark.parametrize("name", ["se_residual", "input_gate", "highway"])
def test_real_layers_with_real_gates_have_the_printed_gain(name):
    for derivation, bound, example in worlds_of(name):
        of = lambda each, d=derivation, e=example: letter(d, e, each)  # noqa: E731
        function, x = real_block(name, of)
        g = of("g").ravel()
        gain = np.linalg.norm(pulled(function, x, g)) / np.linalg.norm(g)
        assert gain == pytest.approx(example.gain, abs=1e-6), bound.id


def changed(example: Example, name: str, matrix: sp.Matrix) -> Example:
    (symbol,) = [symbol for symbol in example.letters if str(symbol) == name]
    return replace(example, letters={**example.letters, symbol: matrix})


@pytest.mark.parametrize(
    ("name", "letter_name", "matrix"),
    [
        ("se_residual", "diag(Bs)", sp.diag(sp.Rational(157, 120), sp.Rational(1, 2))),
        ("se_residual", "diag(Bs)", sp.Rational(3, 2) * sp.eye(2)),
        ("se_residual", "P", sp.zeros(2)),
        ("se_residual", "D_sigmoid", sp.eye(2)),
        ("input_gate", "diag(s(x))", -sp.eye(2)),
        ("highway", "diag(T(x))", -sp.Rational(31, 18) * sp.eye(2)),
        ("highway", "diag(1 - T(x))", sp.eye(2) / 3),
        ("residual", "J_F", sp.eye(2) / 7),
        ("residual", "g", sp.zeros(2, 1)),
        ("projection", "W_s", sp.zeros(2)),
    ],
)
def test_a_world_that_cannot_exist_or_attains_nothing_is_refused(name, letter_name, matrix):
    derivation, bound, example = worlds_of(name)[0]
    assert attains(derivation, bound.expr, example)
    with np.errstate(all="ignore"):
        assert not attains(derivation, bound.expr, changed(example, letter_name, matrix))


def test_a_bound_of_0_at_a_gain_of_0_shows_nothing():
    derivation, bound, example = next(
        found for found in worlds_of("residual") if found[1].id == "residual.alignment.lower"
    )
    cancelled = changed(example, "J_F", -sp.eye(2))
    assert not attains(derivation, bound.expr, replace(cancelled, gain=0.0))


def test_complements_are_not_gates_of_their_own_value():
    term: Term = BLOCKS["highway"].term
    assert Complement() not in gates_of(term)
    theorem: Proved = bounds(notation_of(BLOCKS["highway"], "operator")).singular
    assert GAIN in {quantity.symbol for quantity in theorem.derivation.quantities}


def test_free_letters_of_a_printed_world_can_exist():
    (theorem, *_) = [each for each in every_loss() if each.id == "every_loss.all"]
    expr = theorem.bounds[0].expr
    (example,) = examples(theorem.derivation, [expr])
    assert attains(theorem.derivation, expr, example)
    letters = {str(letter): letter for letter in example.letters}

    def with_letter(name: str, matrix: sp.Matrix) -> Example:
        return replace(example, letters={**example.letters, letters[name]: matrix})

    # The second column of Q plays no part at this b, yet must be of length 1.
    first = with_letter("b", sp.Matrix([1, 0]))
    assert attains(theorem.derivation, expr, first)
    stretched = example.letters[letters["Q"]] * sp.diag(1, 2)
    broken = replace(first, letters={**first.letters, letters["Q"]: stretched})
    assert not attains(theorem.derivation, expr, broken)
    nothing = 0 * example.letters[letters["b"]]
    assert not attains(theorem.derivation, expr, with_letter("b", nothing))
