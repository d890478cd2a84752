"""Judges C13 and C14: the lower bound and the √l law of Eq. (6), in every reading.

In the scalar reading both are proved for symbolic l. In the operator reading no positive lower
bound holds for every signal: Jᵀ = (aᵀ, I) has a kernel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from derivations.algebra.blocks import BRANCH, DENSE
from derivations.algebra.letters import LAYERS as LETTER_L
from derivations.algebra.notation import notation_of
from derivations.algebra.steps import Certificate, Derivation, Step
from derivations.algebra.terms import Identity
from derivations.theorems import equation6
from derivations.theorems.equations import BRANCH_SQUARES, STATE_SQUARES
from validate.audit.claims.c10_dense_features import LAYERS, literal_square
from validate.audit.claims.c12_dense_gradients import (
    INDEPENDENT,
    OPERATOR,
    SCALAR,
    Dense,
    judge_readings,
)
from validate.audit.counterexample_search import Point, points, root, smallest, square
from validate.audit.evidence import (
    UNDECIDED,
    Claim,
    Counterexample,
    Finding,
    Proof,
    Sources,
    decide,
    prove,
)
from validate.audit.vanished_branch import left_of_vectors
from validate.audit.verdicts import Case

NOTHING = f"{OPERATOR}, last term 1, or any positive multiple of ‖∂L/∂H‖"
NEVER = f"{OPERATOR}, last term l"


@dataclass(frozen=True)
class LowerBound:
    """Eq. (6)'s lower bound, its last term read as 1 and as l. Of the operator reading, `ceiling`:
    what ‖∂L/∂x‖ is at most, which for l ≥ 2 is less than the bound with l; `kernel`: that each
    Jacobian loses some signal. `tried`, `satisfied`: instances with l = 2, and those of them that
    reach the bound with l.
    """

    scalar: Mapping[str, Proof]
    broken: Mapping[str, Counterexample | None]
    ceiling: Proof
    kernel: Proof
    tried: int
    satisfied: int


@dataclass(frozen=True)
class RootLaw:
    """What is left of a dense step as its branch vanishes, and the squared norms that Eq. (4)
    leaves when it is read literally. `operator`: ∂L/∂x → (g_0, …, g_{l−1}). `printed`: the fewest
    inputs for which the last line of Eq. (6), last term 1 as printed, leaves less than √l.
    `on_inputs`: the same of a signal on the inputs alone. `diagonal`: that the entries ∂x_i/∂x_i
    alone give l, for every l, and `less`: the fewest layers for which Eq. (4) leaves less.
    """

    scalar: Mapping[str, Proof]
    operator: Proof
    broken: Mapping[str, Counterexample | None]
    printed: Counterexample | None
    on_inputs: Counterexample | None
    literal: tuple[int, ...]
    diagonal: Proof
    less: Counterexample | None


def lower_bound(sources: Sources) -> LowerBound:
    scalar = {
        f"{SCALAR}, last term {term}": sources.proof("eq6", "scalar", f"bound_with_{term}")
        for term in ("1", "l")
    }
    broken = {
        NOTHING: smallest((1, 2), lambda l: 2 * l + 1, _lost),
        NEVER: smallest((2, 3), lambda l: 2 * l + 1, _below),
    }
    tried = [dense for point in points(5) if (dense := Dense.at(2, point))]
    return LowerBound(
        scalar,
        broken,
        _theorem("eq6.never"),
        _theorem("eq6.lost"),
        len(tried),
        sum(1 for dense in tried if _reaches(dense, 2)),
    )


_THEOREMS = {
    "eq6.never": "‖∂L/∂x‖² ≤ ‖∂L/∂H‖² · (‖∂F_l/∂x‖_F² + 1)",
    "eq6.lost": "∂L/∂x = 0 for ∂L/∂H = (u, −(∂F_l/∂x)ᵀ u), whatever ∂F_l/∂x and u ≠ 0",
}


def _theorem(identifier: str) -> Proof:
    statement = _THEOREMS[identifier]
    theorem = next(each for each in equation6.theorems() if each.id == identifier)
    return prove(theorem.derivation, {statement: theorem.result})[statement]


def _lost(l: int, point: Point) -> Counterexample | None:
    """A signal that arrives on inputs and of which nothing is passed on."""
    dense = Dense.at(l, point)
    if dense is None or any(dense.pulled):
        return None
    return dense.counterexample("‖∂L/∂x‖ ≥ ‖∂L/∂H‖ · √(Σ (∂F_l/∂x_i)² + 1)", _claims(dense, 1))


def _below(l: int, point: Point) -> Counterexample | None:
    dense = Dense.at(l, point)
    if dense is None or _reaches(dense, l):
        return None
    return dense.counterexample("‖∂L/∂x‖ ≥ ‖∂L/∂H‖ · √(Σ (∂F_l/∂x_i)² + l)", _claims(dense, l))


def _reaches(dense: Dense, last: int) -> bool:
    return square(dense.pulled) >= dense.signal * (square(dense.a) + last)


def _claims(dense: Dense, last: int) -> str:
    bound = root(dense.signal * (square(dense.a) + last))
    return f"at least ‖∂L/∂H‖ · √(Σ (∂F_l/∂x_i)² + {last}) = {bound}"


def judge_lower_bound(evidence: LowerBound) -> Finding:
    remarks = []
    if evidence.kernel.proved:
        remarks.append(
            f"a dense block can lose the gradient as a residual block can (C5): "
            f"{evidence.kernel.statement} (proved by {', '.join(evidence.kernel.passed)})"
        )
    if evidence.ceiling.proved:
        remarks.append(
            f"for l ≥ 2 the bound with l is never reached: {evidence.ceiling.statement}, as the "
            "largest eigenvalue of 1 + (∂F_l/∂x)ᵀ · ∂F_l/∂x is at most that factor (proved by "
            f"{', '.join(evidence.ceiling.passed)})"
        )
    return judge_readings(evidence.scalar, evidence.broken, [*remarks, INDEPENDENT])


def root_law(sources: Sources) -> RootLaw:
    lines = sources.paper.equation4
    literal = {l: literal_square(lines, l) for l in LAYERS}
    return RootLaw(
        {f"{SCALAR}, by the first line of Eq. (6)": sources.proof("eq6", "scalar", "law_with_l")},
        _signal_on_inputs(),
        {
            f"{OPERATOR}, for every ∂L/∂H": smallest(range(1, 4), lambda l: l + 1, _vanished),
        },
        smallest(range(1, 4), lambda _: 0, _printed_limit),
        smallest(range(1, 4), lambda l: l, _on_inputs),
        tuple(literal.values()),
        _diagonal(),
        next((_short(l, norm) for l, norm in literal.items() if norm < l), None),
    )


def _diagonal() -> Proof:
    """A unit triangular block of b_ji = ∂x_j/∂x_i below the a_i: Σ a² + Σ b² + l, l being the
    squares of its diagonal. An x_i of several numbers has as many entries there.
    """
    entries = BRANCH_SQUARES + STATE_SQUARES + LETTER_L
    products = ((BRANCH_SQUARES,), (STATE_SQUARES,))
    step = Step("drop squares", entries, ">=", LETTER_L, certificates=(Certificate(products),))
    statement = "‖∂H/∂x‖_F² ≥ l"
    empty = Derivation("diagonal", notation_of(DENSE, "scalar"), ())
    return prove(empty, {statement: step})[statement]


def _short(l: int, norm: int) -> Counterexample:
    return Counterexample(
        "Eq. (4) leaves ‖∂H/∂x‖_F² ≥ l", {"l": str(l), "every F′": "0"}, f"at least {l}", str(norm)
    )


def _signal_on_inputs() -> Proof:
    notation = notation_of(DENSE, "operator")
    rest = notation.jacobian(BRANCH, Identity())
    g_f, g = (notation.signal((part,)) for part in range(2))
    return left_of_vectors(notation, rest, g_f, g, "∂L/∂x → (g_0, …, g_{l−1})", "g_F")


def _printed_limit(l: int, _: Point) -> Counterexample | None:
    statement, given = (
        "the bound with last term 1 leaves |∂L/∂H| · √l",
        {"l": str(l), "∂F_l/∂x": "0", "∂L/∂H": "1"},
    )
    return (
        Counterexample(statement, given, root(Fraction(l)), "|∂L/∂H| · √1 = 1") if l != 1 else None
    )


def _vanished(l: int, signal: Point) -> Counterexample | None:
    """A vanished branch, and a signal (g_F, g_0, …) of which less than √l is left."""
    dense = Dense((Fraction(0),) * l, signal[0], signal[1:])
    if square(dense.pulled) >= dense.signal * l:
        return None
    claims = f"at least ‖∂L/∂H‖ · √l = {root(dense.signal * l)}"
    return dense.counterexample("‖∂L/∂x‖ ≥ ‖∂L/∂H‖ · √l", claims)


def _on_inputs(l: int, g: Point) -> Counterexample | None:
    """Of a signal on the inputs alone: the gradient is as long as ∂L/∂H, whatever l."""
    return _vanished(l, (Fraction(0), *g))


def judge_root_law(evidence: RootLaw) -> Finding:
    literal = tuple(zip(LAYERS, evidence.literal, strict=False))
    read = Case(
        f"{SCALAR}, for Eq. (4) read literally (total derivatives)",
        decide(evidence.diagonal, evidence.less),
        UNDECIDED,
    )
    remarks = []
    if evidence.on_inputs:
        remarks.append(f"with a signal on the inputs alone: {evidence.on_inputs}")
    if evidence.operator.proved:
        remarks.append(
            f"{OPERATOR} {evidence.operator.statement}, proved: √l appears only if |∂L/∂H| "
            "means the root mean square of the g_i; it is not amplification"
        )
    if evidence.printed:
        remarks.append(
            "from the last line of Eq. (6), last term 1 as printed, √l does not follow: "
            f"{evidence.printed}"
        )
    shown = ", ".join(f"{norm} for l = {l}" for l, norm in literal[:4])
    remarks.append(
        f"Eq. (4) read literally, every F′ = 0, leaves ‖∂H/∂x‖_F² = {shown}, …, x_j being a "
        "function of those before it"
    )
    if evidence.diagonal.proved:
        remarks.append(
            f"for every l the diagonal entries ∂x_i/∂x_i = 1 of the triangular block of the "
            f"∂x_j/∂x_i alone give {evidence.diagonal.statement} (proved by "
            f"{', '.join(evidence.diagonal.passed)}; an x_i of several numbers has more of them), "
            "so that √l remains"
        )
    return judge_readings(evidence.scalar, evidence.broken, remarks, read)


CLAIMS = (
    Claim(
        "C13",
        "Eq. (6), second relation",
        "‖∂L/∂x‖ ≥ |∂L/∂H| × √(Σ (∂F_l/∂x_i)² + 1), where the last term may be meant as l",
        lower_bound,
        judge_lower_bound,
    ),
    Claim(
        "C14",
        "sections 3 (after Eq. (6)) and 5",
        "at least |∂L/∂H| × √l remains when all ∂F_l/∂x_i → 0 in a dense block",
        root_law,
        judge_root_law,
    ),
)
