"""The bounds of every term: the theory's formulas, proved, ordered, and of one direction."""

import random

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from term_strategies import DrawnTerm, drawn_terms

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    COSINE,
    GAIN,
    LAMBDA,
    LEAST,
    MOST,
    MU,
    RATIO,
    SIGMA_MAX,
    SIGMA_MIN,
    NumericalRange,
    SigmaMax,
    SigmaMinAdjoint,
)
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
)
from derivations.checker.check import check
from derivations.errors import InputError
from derivations.rules.bound_types import Bound
from derivations.rules.bounds import bounds, factor_right


def of(name: str) -> dict[str, Bound]:
    return {bound.id: bound for bound in bounds(notation_of(BLOCKS[name], "operator")).bounds}


ALIGNMENT, WITH_T = (
    sp.sqrt(1 - sp.Min(COSINE, 0) ** 2),
    sp.sqrt((1 - BRANCH_GAIN) ** 2 + 2 * BRANCH_GAIN * (1 + sp.Min(COSINE, 0))),
)
SINGULAR = {"singular.min.lower": LEAST, "singular.max.upper": MOST}


def along_g(prefix: str) -> dict[str, sp.Expr]:
    """The bounds that look along g: those of v + w relative to ‖v‖."""
    return {
        f"{prefix}.cosine_law.equal": sp.sqrt(1 + 2 * COSINE * BRANCH_GAIN + BRANCH_GAIN**2),
        f"{prefix}.triangle.lower": sp.Abs(1 - BRANCH_GAIN),
        f"{prefix}.triangle.upper": 1 + BRANCH_GAIN,
        f"{prefix}.alignment.lower": ALIGNMENT,
        f"{prefix}.alignment_with_t.lower": WITH_T,
    }


RESIDUAL_BOUNDS = along_g("residual") | {
    "residual.uniform.lower": sp.Max(1 - SIGMA_MAX, SIGMA_MIN - 1, 0),
    "residual.uniform.upper": 1 + SIGMA_MAX,
    "residual.numerical_range.lower": sp.Max(1 + MU, -1 - LAMBDA, 0),
}
DENSE_BOUNDS = along_g("dense") | {
    "dense.uniform.lower": sp.Max(1 - SIGMA_MAX * RATIO, 0),
    "dense.uniform.upper": 1 + SIGMA_MAX * RATIO,
}
THEORY = {
    "plain": {},
    "residual": RESIDUAL_BOUNDS,
    "se_residual": RESIDUAL_BOUNDS,
    "dense": DENSE_BOUNDS,
    "projection": along_g("shortcut"),
    "post_activation": RESIDUAL_BOUNDS,
    "pre_activation": RESIDUAL_BOUNDS,
    "resnext": RESIDUAL_BOUNDS,
    "input_gate": RESIDUAL_BOUNDS,
    "highway": {},
}


@pytest.mark.parametrize("name", BLOCKS)
def test_the_bounds_of_each_block_are_those_of_the_theory(name):
    found = {key: bound.expr for key, bound in of(name).items() if bound.theorem != "norms"}
    assert found == THEORY[name] | SINGULAR


def sigma(operator: str, end: str = "max") -> sp.Symbol:
    shown = operator if end == "max" else f"{operator}ᵀ"
    return sp.Symbol(f"sigma_{end}({shown})", nonnegative=True)


def test_the_norms_of_the_factors_give_the_bounds_of_the_theory():
    J = sigma("J_F")
    gate = sigma("diag(Bs)") + sigma("diag(u)*B*D_sigmoid") * sigma("W_2") * sigma("W_1") * sigma(
        "P"
    )
    expected = {
        "se_residual": 1 + gate * J,
        "dense": sp.sqrt(1 + J**2),
        "projection": sigma("W_s") + J,
        "post_activation": 1 + J,
        "resnext": 1 + sigma("J_F_1") + sigma("J_F_2") + sigma("J_F_3"),
        "input_gate": 1 + sigma("diag(F(x))") * sigma("J_s") + sigma("diag(s(x))") * J,
        "highway": sigma("diag(1 - T(x))")
        + sigma("diag(F(x)) - diag(x)") * sigma("J_T")
        + sigma("diag(T(x))") * J,
    }
    for name, expr in expected.items():
        assert of(name)["norms.factors.upper"].expr == expr, name
    assert of("projection")["norms.factors.lower"].expr == sp.Max(
        sigma("W_s", "min") - J, sigma("J_F", "min") - sigma("W_s"), 0, evaluate=False
    )
    assert bounds(notation_of(BLOCKS["plain"], "operator")).norms is None


LEFT = {
    "plain": {"singular.min.lower": 0, "singular.max.upper": 0},
    "residual": {"singular.min.lower": 1, "singular.max.upper": 1},
    "se_residual": {"singular.min.lower": 1, "singular.max.upper": 1},
    "dense": {"singular.min.lower": 0, "singular.max.upper": 1},
    "projection": {
        "singular.min.lower": sigma("W_s", "min"),
        "singular.max.upper": sigma("W_s"),
        "norms.factors.upper": sigma("W_s"),
        "norms.factors.lower": sigma("W_s", "min"),
    },
    "post_activation": {
        "singular.min.lower": sigma("D_relu", "min"),
        "singular.max.upper": sigma("D_relu"),
    },
    "pre_activation": {"singular.min.lower": 1, "singular.max.upper": 1},
    "resnext": {"singular.min.lower": 1, "singular.max.upper": 1},
}
"""Limits other than those of the bounds along g, which are 1, and of the alignment bound."""
T_0, C_0 = sp.Symbol("t_0", nonnegative=True), sp.Symbol("c_0", real=True)


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_as_the_branch_vanishes(name):
    for key, bound in of(name).items():
        expected = LEFT[name].get(key, 1)
        if key.endswith("alignment.lower"):
            expected = ALIGNMENT
        assert bound.limit == expected, (key, bound.limit)


def test_a_gate_that_stays_is_left_in_every_limit():
    """J_s stays when J_F vanishes: what is left is I + diag(F(x)) J_s, and nothing of J_F."""
    found = of("input_gate")
    limits = {key: bound.limit for key, bound in found.items()}
    assert limits["residual.triangle.lower"] == sp.Abs(1 - T_0)
    assert limits["residual.triangle.upper"] == 1 + T_0
    assert limits["residual.alignment.lower"] == ALIGNMENT.subs(COSINE, C_0)
    assert limits["residual.uniform.upper"] == 1 + sigma("diag(F(x))*J_s")
    assert limits["singular.max.upper"] == sigma("diag(F(x))*J_s + I")
    assert str(limits["residual.numerical_range.lower"]) == "Max(0, -lambda_0 - 1, mu_0 + 1)"
    for name in ("input_gate", "highway"):
        for bound in of(name).values():
            known = {q.symbol: q.definition for q in (*bound.quantities, *bound.left)}
            assert bound.limit.free_symbols <= known.keys()
            for symbol in bound.limit.free_symbols:
                assert "J_F" not in str(known[symbol]), (name, bound.id)
    asked = {key for key, bound in found.items() if bound.limit_condition}
    assert "residual.alignment.lower" in asked
    assert "residual.triangle.lower" not in asked


def value_of(definition, matrices: dict[str, np.ndarray]) -> float:
    """A quantity for explicit matrices, by names of letters."""

    def array(expr: sp.Expr) -> np.ndarray:
        match expr:
            case sp.MatrixSymbol():
                return matrices[str(expr)]
            case sp.Identity():
                return np.eye(2)
            case sp.Transpose():
                return array(expr.arg).T
            case sp.MatAdd():
                return sum(array(part) for part in expr.args)
            case sp.MatMul():
                made = np.eye(2)
                for part in expr.args:
                    made = made * float(part) if part.is_number else made @ array(part)
                return made
        raise AssertionError(expr)

    match definition:
        case SigmaMax(operator):
            return float(np.linalg.svd(array(operator))[1][0])
        case SigmaMinAdjoint(operator):
            return float(np.linalg.svd(array(operator))[1][-1])
    raise AssertionError(definition)


def test_a_singular_value_is_not_printed_as_its_own_limit():
    """J_F = [[−0.9, 0.4], [0, 0.3]] has σ_min(I + J_F) = 0.096; without J_F it is 1."""
    bound = of("residual")["singular.min.lower"]
    ((quantity),) = bound.quantities
    J = np.array([[-0.9, 0.4], [0.0, 0.3]])
    assert value_of(quantity.definition, {"J_F": J}) == pytest.approx(0.096, abs=1e-3)
    assert value_of(quantity.definition, {"J_F": 1e-9 * J}) == pytest.approx(float(bound.limit))


@pytest.mark.parametrize("name", BLOCKS)
def test_every_bound_is_proved(name):
    for theorem in bounds(notation_of(BLOCKS[name], "operator")).theorems:
        checked = check(theorem.derivation)
        assert all(step.ok for step in checked)
        established = {
            (step.step.relation, step.step.after) for step in checked if step.step.before == GAIN
        }
        squares = {step.step.after for step in checked if step.step.before == GAIN**2}
        for bound in theorem.bounds:
            if bound.side == "equal":
                assert bound.expr**2 in squares
            else:
                assert ({"lower": ">=", "upper": "<="}[bound.side], bound.expr) in established


@pytest.mark.parametrize("name", BLOCKS)
def test_the_order_of_the_bounds_is_proved(name):
    """Every pair says which of two bounds is tighter, and a step that passes says the same of their
    formulas.
    """
    found, made = bounds(notation_of(BLOCKS[name], "operator")), of(name)
    passed = {
        step.step for theorem in found.theorems for step in check(theorem.derivation) if step.ok
    }
    pairs = {(pair.tighter, pair.looser) for pair in found.order}
    for tighter, looser in pairs:
        relation = ">=" if made[tighter].side == "lower" else "<="
        assert any(
            (s.before, s.relation, s.after) == (made[tighter].expr, relation, made[looser].expr)
            for s in passed
        ), (tighter, looser)
    if name != "plain":
        assert ("singular.max.upper", "norms.factors.upper") in pairs
    if name in ("residual", "se_residual", "pre_activation", "resnext", "input_gate"):
        assert ("singular.min.lower", "residual.numerical_range.lower") in pairs
        assert ("singular.min.lower", "residual.uniform.lower") in pairs


def test_the_gate_is_factored_out_of_the_branch():
    """J = M J_F + I, so that section 2 applies with J_F replaced by M J_F."""
    operator = next(
        q.definition.operator
        for q in of("se_residual")["residual.uniform.upper"].quantities
        if isinstance(q.definition, SigmaMax)
    )
    gate, last = operator.args
    assert str(last) == "J_F"
    assert str(gate) == "diag(Bs) + diag(u)*B*D_sigmoid*W_2*D_relu*W_1*P"


def test_factoring_leaves_what_has_no_common_factor():
    A, B, J = (sp.MatrixSymbol(name, 2, 2) for name in "ABJ")
    assert factor_right(A * J + B * J) == sp.MatMul(A + B, J)
    assert factor_right(A * J + J).doit() == ((A + sp.Identity(2)) * J).doit()
    assert factor_right(A * J + 2 * J + B).doit() == (B + (A + 2 * sp.Identity(2)) * J).doit()
    for expr in (A * J + B * A, A * J, A):
        assert factor_right(expr) == expr


DIMS = {"F": ("n", "n"), "G": ("n", "n"), "W": ("n", "n"), "V": ("n", "n")}


@pytest.mark.parametrize(
    ("term", "prefix"),
    [
        (Layer("F"), None),
        (Identity(), None),
        (Complement(), None),
        (Chain(Layer("F"), Layer("G")), None),
        (Chain(Add(Layer("F"), Identity()), Pointwise("relu")), "residual"),
        (Chain(Pointwise("relu"), Add(Layer("F"), Identity())), None),
        (Add(Layer("F"), Linear("W")), "shortcut"),
        (Add(Layer("F"), Layer("G")), None),
        (Add(Layer("F"), Linear("W"), Linear("V")), None),
        (Add(Identity(), Identity(), Layer("F")), None),
        (Add(Identity()), None),
        (Gate(Layer("F"), Layer("G")), None),
        (Concat(Layer("F"), Layer("G")), None),
        (Concat(Identity(), Identity()), None),
        (Add(Layer("F"), Layer("G"), Identity()), "residual"),
        (Add(Linear("W"), Identity()), "residual"),
        (Add(Identity(), Chain(Layer("F"), Layer("G"))), "residual"),
        (Add(Identity(), Gate(Layer("F"), Layer("G"))), "residual"),
        (Concat(Identity(), Layer("F")), "dense"),
        (Concat(Chain(Layer("F"), Layer("G")), Identity()), "dense"),
    ],
)
def test_composite_terms_get_the_theorem_of_their_structure(term, prefix):
    made = bounds(Notation(term, DIMS, "operator"))
    assert (made.structural and made.structural.name) == prefix
    assert {bound.theorem for bound in made.bounds} - {"norms"} == {"singular", prefix} - {None}
    for theorem in made.theorems:
        assert all(step.ok for step in check(theorem.derivation))


@given(drawn_terms(depth=2))
def test_the_bounds_of_drawn_terms_are_proved(drawn: DrawnTerm):
    for theorem in bounds(
        Notation(drawn.term, drawn.dims, "operator", inputs=drawn.inputs)
    ).theorems:
        for checked in check(theorem.derivation):
            assert checked.ok, (checked.step, checked.checks)


@pytest.mark.parametrize("name", BLOCKS)
def test_enclosed_quantities_move_a_bound_one_way(name):
    """Lower bounds fall with greatest and grow with least values, upper bounds grow with greatest:
    the worst end is known.
    """
    generator = random.Random(0)
    for bound in of(name).values():
        enclosed = [
            q
            for q in bound.quantities
            if isinstance(q.definition, (SigmaMax, SigmaMinAdjoint, NumericalRange))
        ]
        for _ in range(20):
            at = {q.symbol: sp.Rational(generator.randint(0, 20), 7) for q in bound.quantities}
            for quantity in enclosed:
                greatest = (
                    isinstance(quantity.definition, SigmaMax)
                    or getattr(quantity.definition, "end", -1) > 0
                )
                moved = at | {quantity.symbol: at[quantity.symbol] + sp.Rational(1, 3)}
                step = bound.expr.xreplace(moved) - bound.expr.xreplace(at)
                assert step * (-1 if greatest else 1) * (1 if bound.side == "lower" else -1) >= 0, (
                    bound.id,
                    quantity.symbol,
                )


def test_bounds_are_refused_in_the_scalar_reading():
    with pytest.raises(InputError, match="operator"):
        bounds(notation_of(BLOCKS["residual"], "scalar"))
