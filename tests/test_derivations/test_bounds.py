"""The bounds as formulas: what they say, where they are attained, and that they fall back to what always holds."""

import pytest
import sympy as sp
from hypothesis import given
from term_strategies import DrawnTerm, drawn_terms

from derivations.architectures import BLOCKS
from derivations.blocks import Add, Chain, Concat, Gate, Identity, Layer, Linear, Pointwise
from derivations.bounds import Bound, bounds, factor_right
from derivations.check import check
from derivations.equations import notation_of
from derivations.errors import InputError
from derivations.quantities import GAIN, LAMBDA, MU, RATIO, SIGMA_MAX, SIGMA_MIN, C, NumericalRange, SigmaMax, SigmaMinAdjoint, T
from derivations.symbols import Notation


def of(name: str) -> dict[str, Bound]:
    return {bound.id: bound for bound in bounds(notation_of(BLOCKS[name], "operator")).bounds}


def test_the_bounds_of_each_block_are_those_of_the_theory():
    expressions = {name: {key: bound.expr for key, bound in of(name).items()} for name in BLOCKS}
    alignment, cosines = sp.sqrt(1 - sp.Min(C, 0) ** 2), sp.sqrt(1 + 2 * C * T + T**2)
    assert expressions["plain"] == {"singular.min.lower": SIGMA_MIN, "singular.max.upper": SIGMA_MAX}
    assert expressions["residual"] == {
        "residual.cosine_law.equal": cosines,
        "residual.triangle.lower": sp.Abs(1 - T),
        "residual.triangle.upper": 1 + T,
        "residual.alignment.lower": alignment,
        "residual.uniform.lower": sp.Max(1 - SIGMA_MAX, SIGMA_MIN - 1, 0),
        "residual.uniform.upper": 1 + SIGMA_MAX,
        "residual.numerical_range.lower": sp.Max(1 + MU, -1 - LAMBDA, 0),
    }
    assert expressions["se_residual"] == expressions["residual"]
    assert expressions["dense"] == {
        "dense.cosine_law.equal": cosines,
        "dense.triangle.lower": sp.Abs(1 - T),
        "dense.triangle.upper": 1 + T,
        "dense.alignment.lower": alignment,
        "dense.uniform.lower": sp.Max(1 - SIGMA_MAX * RATIO, 0),
        "dense.uniform.upper": 1 + SIGMA_MAX * RATIO,
    }


def test_what_is_left_as_the_branch_vanishes():
    limits = {key: bound.limit for name in BLOCKS for key, bound in of(name).items()}
    alignment = sp.sqrt(1 - sp.Min(C, 0) ** 2)
    assert {limits[key] for key in limits if key.startswith("singular")} == {0}
    assert {limits[key] for key in limits if not key.startswith("singular")} == {1, alignment}


@pytest.mark.parametrize("name", BLOCKS)
def test_every_bound_is_proved(name):
    proved = bounds(notation_of(BLOCKS[name], "operator"))
    checked = check(proved.derivation)
    assert all(step.ok for step in checked)
    established = {(step.step.relation, step.step.after) for step in checked if step.step.before == GAIN}
    squares = {step.step.after for step in checked if step.step.before == GAIN**2}
    for bound in proved.bounds:
        if bound.side == "equal":
            assert bound.expr**2 in squares
        else:
            assert ({"lower": ">=", "upper": "<="}[bound.side], bound.expr) in established


def value(bound: Bound, branch: sp.Matrix, g: sp.Matrix) -> sp.Expr:
    """A residual bound for an explicit branch, with SymPy's exact singular values and eigenvalues."""
    w = branch.T * g
    t, inner = w.norm() / g.norm(), (g.T * w)[0]
    eigenvalues = [sp.re(e) for e in ((branch + branch.T) / 2).eigenvals()]
    known = {
        T: t,
        C: inner / (g.norm() * w.norm()) if w.norm() != 0 else 0,
        SIGMA_MAX: max(branch.singular_values()),
        SIGMA_MIN: min(branch.singular_values()),
        MU: min(eigenvalues),
        LAMBDA: max(eigenvalues),
    }
    return sp.nsimplify(bound.expr.subs(known))


@pytest.mark.parametrize("tau", [sp.Rational(0), sp.Rational(1, 3), sp.Rational(1), sp.Rational(5, 2)])
@pytest.mark.parametrize("sign", [-1, 1])
def test_multiples_of_the_identity_attain_the_residual_bounds(tau, sign):
    """J_F = −τI attains the lower ends (for every τ, those with σ_min − 1), J_F = +τI the upper ones."""
    branch, g = sign * tau * sp.eye(2), sp.Matrix([3, 4])
    gain = (g + branch.T * g).norm() / g.norm()
    attained = {key for key, bound in of("residual").items() if value(bound, branch, g) == gain}
    expected = {"residual.cosine_law.equal", "residual.numerical_range.lower"}
    expected |= {"residual.triangle.lower", "residual.uniform.lower"} if sign < 0 or tau == 0 else set()
    expected |= {"residual.triangle.upper", "residual.uniform.upper"} if sign > 0 or tau == 0 else set()
    expected |= {"residual.alignment.lower"} if tau == 0 or (sign < 0 and tau == 1) else set()
    assert attained == expected


def test_the_alignment_bound_is_attained_at_its_minimum_over_t():
    """t = −c: for g = (1, 0) and J_Fᵀg = (−1/2, 1/2), c = −1/√2 but t = 1/√2 = −c, so γ = √(1 − c²) = 1/√2."""
    branch = sp.Matrix([[-1, 1], [0, 0]]) / 2
    g = sp.Matrix([1, 0])
    assert value(of("residual")["residual.alignment.lower"], branch, g) == (g + branch.T * g).norm() == 1 / sp.sqrt(2)


def test_a_skip_alone_guarantees_nothing():
    branch, g = -sp.eye(2), sp.Matrix([1, 2])
    lower = [value(bound, branch, g) for bound in of("residual").values() if bound.side == "lower"]
    assert lower == [0, 0, 0, 0]
    assert (g + branch.T * g).norm() == 0


def test_the_gate_is_factored_out_of_the_branch():
    """J = M J_F + I, so that section 2 applies with J_F replaced by M J_F."""
    operator = next(
        q.definition.operator for q in of("se_residual")["residual.uniform.upper"].quantities if isinstance(q.definition, SigmaMax)
    )
    gate, last = operator.args
    assert str(last) == "J_F"
    assert str(gate) == "diag(Bs) + diag(u)*B*D_sigmoid*W_2*D_relu*W_1*P"


def test_factoring_leaves_what_has_no_common_factor():
    A, B, J = (sp.MatrixSymbol(name, 2, 2) for name in "ABJ")
    assert factor_right(A * J + B * J) == sp.MatMul(A + B, J)
    for expr in (A * J + B * A, A * J + J, A * J, A):
        assert factor_right(expr) == expr


DIMS = {"F": ("n", "n"), "G": ("n", "n"), "W": ("n", "n")}


@pytest.mark.parametrize(
    ("term", "prefix"),
    [
        (Layer("F"), "singular"),
        (Identity(), "singular"),
        (Chain(Layer("F"), Layer("G")), "singular"),
        (Chain(Add(Layer("F"), Identity()), Pointwise("relu")), "singular"),
        (Add(Layer("F"), Linear("W")), "singular"),
        (Add(Identity(), Identity(), Layer("F")), "singular"),
        (Add(Identity()), "singular"),
        (Gate(Layer("F"), Layer("G")), "singular"),
        (Concat(Layer("F"), Layer("G")), "singular"),
        (Concat(Identity(), Identity()), "singular"),
        (Add(Layer("F"), Layer("G"), Identity()), "residual"),
        (Add(Identity(), Chain(Layer("F"), Layer("G"))), "residual"),
        (Add(Identity(), Gate(Layer("F"), Layer("G"))), "residual"),
        (Concat(Identity(), Layer("F")), "dense"),
        (Concat(Chain(Layer("F"), Layer("G")), Identity()), "dense"),
    ],
)
def test_composite_terms_get_the_theorem_of_their_structure(term, prefix):
    made = bounds(Notation(term, DIMS, "operator"))
    assert {bound.id.split(".")[0] for bound in made.bounds} == {prefix}
    assert all(step.ok for step in check(made.derivation))


@given(drawn_terms(depth=2))
def test_the_bounds_of_drawn_terms_are_proved(drawn: DrawnTerm):
    for checked in check(bounds(Notation(drawn.term, drawn.dims, "operator", inputs=drawn.inputs)).derivation):
        assert checked.ok, (checked.step, checked.checks)


@pytest.mark.parametrize("name", BLOCKS)
def test_bounds_are_monotone_in_every_quantity_that_is_enclosed(name):
    """So that the worst case over a box of enclosures lies at a corner."""
    for bound in of(name).values():
        for quantity in bound.quantities:
            if isinstance(quantity.definition, (SigmaMax, SigmaMinAdjoint, NumericalRange)):
                parts = bound.expr.args if isinstance(bound.expr, sp.Max) else (bound.expr,)
                slopes = [sp.diff(part, quantity.symbol) for part in parts]
                assert all(slope.is_nonnegative for slope in slopes) or all(slope.is_nonpositive for slope in slopes)


def test_bounds_are_refused_in_the_scalar_reading():
    with pytest.raises(InputError, match="operator"):
        bounds(notation_of(BLOCKS["residual"], "scalar"))
