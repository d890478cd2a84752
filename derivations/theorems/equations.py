"""Derives the paper's Equations (1)–(6) and holds the transcription against what was derived.

No verdict is written here. Eq. (4), which is about the architecture and not about a gradient, is in
`equation4.py`. The paper: Noh 2021, Informatics 8(3):53.
"""

from collections.abc import Callable

import sympy as sp

from derivations.algebra.blocks import BLOCKS, BRANCH, GATE
from derivations.algebra.letters import EPSILON, LAYERS, stacked
from derivations.algebra.notation import Notation, Reading, notation_of
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    FROBENIUS,
    GAIN,
    TOTAL_GAIN,
    Frobenius,
    NormRatio,
    Quantity,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step
from derivations.algebra.terms import Identity
from derivations.rules.bounds import bounds, column
from derivations.rules.jacobian import Linearization, linearize
from derivations.theorems.equation4 import equation4
from derivations.theorems.transcription import Claim, Equation


def equations() -> tuple[Equation, ...]:
    """Equations (1)–(6), each in the readings in which it can be stated."""
    return tuple(build(reading) for build, readings in _BUILDERS for reading in readings)


def _equation1(reading: Reading) -> Equation:
    notation, line = _linearized("plain", reading)
    slope = notation.jacobian(BRANCH, Identity())
    paper = Claim(
        "chain_rule",
        "∂L/∂x = ∂L/∂F · ∂F/∂x",
        Step("Eq. (1)", notation.gradient(), "=", _pulled(slope, line)),
    )
    latex = (
        r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial F} \times \frac{\partial "
        r"F}{\partial x}"
    )
    return _finish(
        "eq1",
        latex,
        line,
        [paper, *_limit_claim(line, sp.Integer(0), "vanishes", "the gradient vanishes with ∂F/∂x")],
    )


def _equation2(reading: Reading) -> Equation:
    notation, line = _linearized("residual", reading)
    slope = notation.jacobian(BRANCH, Identity())
    paper = Claim(
        "chain_rule",
        "∂L/∂x = ∂L/∂H · (∂F/∂x + 1)",
        Step("Eq. (2)", notation.gradient(), "=", _pulled(slope + _one(notation), line)),
    )
    latex = (
        r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial H} \times "
        r"\left(\frac{\partial F}{\partial x} + 1\right)"
        r" = \frac{\partial L}{\partial H} \times \frac{\partial F}{\partial x} + \frac{\partial "
        r"L}{\partial H}"
    )
    return _finish(
        "eq2",
        latex,
        line,
        [paper, *_limit_claim(line, line.signal, "signal_remains", "∂L/∂H remains when ∂F/∂x → 0")],
    )


def _equation3(reading: Reading) -> Equation:
    notation, line = _linearized("se_residual", reading)
    x = Identity()
    slope, gate_slope = notation.jacobian(BRANCH, x), notation.jacobian(GATE, x)
    u, s = notation.diagonal(BRANCH), notation.diagonal(GATE)
    total = u * gate_slope + s * slope + _one(notation)
    paper = Claim(
        "chain_rule",
        "∂L/∂x = ∂L/∂H · (∂s/∂x · F + s · ∂F/∂x + 1)",
        Step("Eq. (3)", notation.gradient(), "=", _pulled(total, line)),
    )
    latex = (
        r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial H} \times "
        r"\left(\frac{\partial s}{\partial x} \cdot F + s \cdot \frac{\partial F}{\partial x} + "
        r"1\right)"
    )
    remains = []
    if reading == "scalar":
        vanishing = line.pullback.subs(slope, EPSILON * slope)
        stays = line.signal * (u * gate_slope + 1)
        remains = [
            Claim(
                "gate_term_remains",
                "∂L/∂H · (∂s/∂x · F + 1) remains when ∂F/∂x → 0",
                _limit(vanishing, stays),
            ),
            Claim(
                "only_signal_remains",
                "only ∂L/∂H remains: s depends on x through F, so ∂s/∂x vanishes too",
                _limit(vanishing, line.signal),
            ),
        ]
    return _finish("eq3", latex, line, [paper, *remains])


def _equation5(reading: Reading) -> Equation:
    notation, line = _linearized("dense", reading)
    slope = notation.jacobian(BRANCH, Identity())
    entries = sp.Tuple(slope, 1) if reading == "scalar" else stacked(slope, _one(notation))
    paper = Claim(
        "chain_rule",
        "∂H/∂x = (∂F_l/∂x ‖ 1)",
        Step("Eq. (5)", notation.jacobian(notation.term, Identity()), "=", entries),
    )
    latex = (
        r"\frac{\partial L}{\partial x} = \left(\frac{\partial L}{\partial H} \times "
        r"\left(\frac{\partial F_l(x_{l-1})}{\partial x_0} \Vert "
        r"\frac{\partial x_{l-1}}{\partial x_0} \Vert \cdots \Vert 1\right), \cdots, "
        r"\frac{\partial L}{\partial H} \times "
        r"\left(\frac{\partial F_l(x_{l-1})}{\partial x_{l-1}} \Vert 1\right)\right)"
    )
    return _finish("eq5", latex, line, [paper])


_EQ6_BRANCH = r"\left(\frac{\partial F_l(x_{l-1})}{\partial x_0}\right)^2"
_EQ6_LAST = r"\left(\frac{\partial F_l(x_{l-1})}{\partial x_{l-1}}\right)^2"
EQ6_LATEX = (
    r"\left\Vert \frac{\partial L}{\partial x} \right\Vert = \left|\frac{\partial L}{\partial "
    rf"x}}\right| \times \sqrt{{\left\{{{_EQ6_BRANCH} + "
    r"\left(\frac{\partial x_{l-1}}{\partial x_0}\right)^2 + \cdots + "
    r"\left(\frac{\partial x_1}{\partial x_0}\right)^2 + 1^2\right\} + \cdots + "
    rf"\left\{{{_EQ6_LAST} + 1^2\right\}}}} \ge "
    r"\left|\frac{\partial L}{\partial H}\right| \times "
    rf"\sqrt{{{_EQ6_BRANCH} + \cdots + {_EQ6_LAST} + 1}}"
)

BRANCH_SLOPES = sp.IndexedBase("a", real=True)
STATE_SLOPES = sp.IndexedBase("b", real=True)
SIGNAL_SIZE = sp.Symbol("G", nonnegative=True)
_I, _J = sp.symbols("i j", integer=True, nonnegative=True)
BRANCH_SQUARES = sp.Sum(BRANCH_SLOPES[_I] ** 2, (_I, 0, LAYERS - 1))
STATE_SQUARES = sp.Sum(STATE_SLOPES[_J, _I] ** 2, (_J, _I + 1, LAYERS - 1), (_I, 0, LAYERS - 1))


def _equation6_scalar(reading: Reading) -> Equation:
    """Symbolic l: a_i = ∂F_l/∂x_i, b_ji = ∂x_j/∂x_i, G = |∂L/∂H|, one number."""
    row = BRANCH_SLOPES[_I] ** 2 + sp.Sum(STATE_SLOPES[_J, _I] ** 2, (_J, _I + 1, LAYERS - 1)) + 1
    norm = SIGNAL_SIZE * sp.sqrt(BRANCH_SQUARES + STATE_SQUARES + LAYERS)
    lower, as_printed = (
        SIGNAL_SIZE * sp.sqrt(BRANCH_SQUARES + LAYERS),
        SIGNAL_SIZE * sp.sqrt(BRANCH_SQUARES + 1),
    )
    squared = Step(
        "sum over the entries of Eq. (5)",
        SIGNAL_SIZE**2 * sp.Sum(row, (_I, 0, LAYERS - 1)),
        "=",
        norm**2,
        "a_i, b_ji, G real",
    )
    bound = _drop("drop Σ b² ≥ 0", norm, lower, ((SIGNAL_SIZE**2, STATE_SQUARES),))
    law = _limit(_small_slopes(lower), SIGNAL_SIZE * sp.sqrt(LAYERS), "all ∂F_l/∂x_i → 0")
    claims = (
        Claim(
            "norm", "‖∂L/∂x‖² = |∂L/∂H|² · Σ (first relation, with |∂L/∂H| for |∂L/∂x|)", squared
        ),
        Claim("bound_with_l", "lower bound, last term read as l", bound),
        Claim(
            "bound_with_1",
            "lower bound, last term read as 1",
            _drop(
                "Eq. (6)",
                norm,
                as_printed,
                ((SIGNAL_SIZE**2, STATE_SQUARES), (SIGNAL_SIZE**2, LAYERS - 1)),
            ),
        ),
        Claim("law_with_l", "|∂L/∂H|·√l remains, last term read as l", law),
        Claim(
            "law_with_1",
            "|∂L/∂H|·√l remains, last term read as 1",
            _limit(_small_slopes(as_printed), SIGNAL_SIZE * sp.sqrt(LAYERS)),
        ),
    )
    derivation = Derivation("eq6", notation_of(BLOCKS["dense"], reading), (squared, bound, law))
    label = (
        r"G = \left|\frac{\partial L}{\partial H}\right|: \quad \left\Vert \frac{\partial "
        r"L}{\partial x} \right\Vert = "
    )
    return Equation("eq6", reading, EQ6_LATEX, derivation, bound, claims, label)


def _equation6_operator(reading: Reading) -> Equation:
    """∂L/∂H a vector: what the paper equates is an upper bound; a lower bound holds relative to
    ‖g_y‖ = √l · r.
    """
    notation = notation_of(BLOCKS["dense"], reading)
    line, structural = linearize(notation), bounds(notation).structural
    assert structural is not None  # a concatenation with an identity has a theorem
    proved = structural.derivation
    g = column(line.signal)
    quantities = (
        *proved.quantities,
        Quantity(TOTAL_GAIN, NormRatio(adjoint_image(line.jacobian, g), g)),
        Quantity(FROBENIUS, Frobenius(line.jacobian)),
    )
    upper = Step(
        "Cauchy–Schwarz",
        TOTAL_GAIN,
        "<=",
        FROBENIUS,
        certificates=(Certificate(((FROBENIUS - TOTAL_GAIN,),)),),
    )
    triangle = next(
        step
        for step in proved.steps
        if (step.before, step.relation, step.after) == (GAIN, ">=", sp.Abs(1 - BRANCH_GAIN))
    )
    claims = (
        Claim("norm", "‖∂L/∂x‖ = ‖∂L/∂H‖ · ‖∂H/∂x‖_F", Step("Eq. (6)", TOTAL_GAIN, "=", FROBENIUS)),
        Claim("ceiling", "‖∂L/∂x‖ ≤ ‖∂L/∂H‖ · ‖∂H/∂x‖_F", upper),
        Claim(
            "floor", "‖∂L/∂x‖ ≥ |√l·r − ‖J_Fᵀ g_F‖|, r the root mean square of the ‖g_i‖", triangle
        ),
    )
    derivation = Derivation("eq6", notation, (*proved.steps, upper), quantities)
    label = (
        r"\gamma = \left\Vert \frac{\partial L}{\partial x} \right\Vert / \left(\sqrt{l} \, "
        r"r\right): \quad "
    )
    return Equation("eq6", reading, EQ6_LATEX, derivation, triangle, claims, label)


_BUILDERS: tuple[tuple[Callable[[Reading], Equation], tuple[Reading, ...]], ...] = (
    (_equation1, ("scalar", "operator")),
    (_equation2, ("scalar", "operator")),
    (_equation3, ("scalar", "operator")),
    (equation4, ("scalar",)),
    (_equation5, ("scalar", "operator")),
    (_equation6_scalar, ("scalar",)),
    (_equation6_operator, ("operator",)),
)


def _linearized(name: str, reading: Reading) -> tuple[Notation, Linearization]:
    notation = notation_of(BLOCKS[name], reading)
    return notation, linearize(notation)


def _finish(identifier: str, latex: str, line: Linearization, claims: list[Claim]) -> Equation:
    derivation = line.derivation
    return Equation(
        identifier,
        derivation.notation.reading,
        latex,
        derivation,
        derivation.steps[-1],
        tuple(claims),
    )


def _pulled(total: sp.Expr, line: Linearization) -> sp.Expr:
    """The paper's product ∂L/∂H × total, in the order that its shapes allow."""
    if line.derivation.notation.reading == "scalar":
        return line.signal * total
    return adjoint_image(total, line.signal)


def _one(notation: Notation) -> sp.Expr:
    return (
        sp.Integer(1)
        if notation.reading == "scalar"
        else sp.Identity(notation.dimension_of(Identity()))
    )


def _limit_claim(line: Linearization, remains: sp.Expr, name: str, statement: str) -> list[Claim]:
    """What is left of a scalar gradient when ∂F/∂x → 0; in the operator reading the bounds say it,
    in norm.
    """
    notation = line.derivation.notation
    # SymPy takes no limit of a matrix expression.
    if notation.reading == "operator":
        return []
    slope = notation.jacobian(BRANCH, Identity())
    return [Claim(name, statement, _limit(line.pullback.subs(slope, EPSILON * slope), remains))]


def _limit(before: sp.Expr, after: sp.Expr, condition: str = "∂F/∂x → 0") -> Step:
    return Step("limit", before, "->", after, condition, vanishing=EPSILON)


def _small_slopes(expr: sp.Expr) -> sp.Expr:
    return expr.subs(
        BRANCH_SQUARES, sp.Sum((EPSILON * BRANCH_SLOPES[_I]) ** 2, (_I, 0, LAYERS - 1))
    )


def _drop(
    rule: str, larger: sp.Expr, smaller: sp.Expr, products: tuple[tuple[sp.Expr, ...], ...]
) -> Step:
    return Step(rule, larger, ">=", smaller, certificates=(Certificate(products, 2),))
