"""Judges C12–C14: the equality, the lower bound and the √l law of Eq. (6), in every reading.

Scalar statements are proved for symbolic l; in the operator reading ∂L/∂H is a vector (g_F, g_0, …,
g_{l−1}), J = (a; I), and the smallest instance that breaks a statement is searched among rational
ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from derivations.algebra.blocks import BRANCH, DENSE
from derivations.algebra.notation import notation_of
from derivations.algebra.terms import Identity
from validate.audit.claims.c10_dense_features import LAYERS, literal_square
from validate.audit.counterexample_search import Point, points, root, show, smallest, square
from validate.audit.evidence import (
    UNDECIDED,
    Claim,
    Counterexample,
    Finding,
    Proof,
    Sources,
    decide,
)
from validate.audit.gradients import agree, gradient, linear
from validate.audit.vanished_branch import left_of_vectors
from validate.audit.verdicts import Case, in_each


@dataclass(frozen=True)
class Relation:
    """A statement of Eq. (6): as proved in the scalar reading, and the smallest instance that
    breaks it in each other reading.
    """

    scalar: Mapping[str, Proof]
    broken: Mapping[str, Counterexample | None]


@dataclass(frozen=True)
class LowerBound:
    """Eq. (6)'s lower bound, its last term read as 1 and as l; of the instances tried for l = 2,
    how many satisfy the latter.
    """

    scalar: Mapping[str, Proof]
    broken: Mapping[str, Counterexample | None]
    tried: int
    satisfied: int


@dataclass(frozen=True)
class RootLaw:
    """What is left of a dense step as its branch vanishes, and the squared norms that Eq. (4)
    leaves when it is read literally. `operator`: ∂L/∂x → (g_0, …, g_{l−1}), whose norm is √l times
    the root mean square of theirs, as that of any l parts.
    """

    scalar: Mapping[str, Proof]
    operator: Proof
    broken: Mapping[str, Counterexample | None]
    literal: tuple[int, ...]


@dataclass(frozen=True)
class Dense:
    """A dense step of l numbers: J = (a; I), ∂L/∂H = (g_F, g)."""

    a: Point
    g_f: Fraction
    g: Point

    @classmethod
    def at(cls, l: int, point: Point) -> "Dense | None":
        """From 2l + 1 numbers; None where no signal arrives on the inputs."""
        dense = cls(point[:l], point[l], point[l + 1 :])
        return dense if any(dense.g) else None

    @property
    def pulled(self) -> Point:
        """Jᵀ ∂L/∂H."""
        return tuple(slope * self.g_f + g for slope, g in zip(self.a, self.g, strict=True))

    @property
    def signal(self) -> Fraction:
        """‖∂L/∂H‖²."""
        return self.g_f**2 + square(self.g)

    def counterexample(self, statement: str, claims: str) -> Counterexample:
        """The instance, evaluated once more by autograd."""
        seen = gradient(
            DENSE.term, {"F": linear(self.a)}, [Fraction(1)] * len(self.a), (self.g_f, *self.g)
        )
        autograd = {
            f"dL/dx_{i}": agree("dense step", value, float(self.pulled[i]))
            for i, value in enumerate(seen)
        }
        given = {"l": str(len(self.a)), "∂F_l/∂x": show(*self.a), "∂L/∂H": show(self.g_f, *self.g)}
        return Counterexample(
            statement, given, claims, f"‖∂L/∂x‖ = {root(square(self.pulled))}", autograd
        )


def relation(sources: Sources) -> Relation:
    corrected = {
        "in the scalar reading, with |∂L/∂H| for |∂L/∂x|": sources.proof("eq6", "scalar", "norm")
    }
    broken = {
        "as transcribed, with |∂L/∂x| on both sides": smallest(
            (1, 2), lambda l: l, _self_reference
        ),
        "in the operator reading, where it is an upper bound": smallest(
            (1, 2), lambda l: 2 * l + 1, _not_equal
        ),
    }
    return Relation(corrected, broken)


def _self_reference(l: int, point: Point) -> Counterexample | None:
    """Scalar reading with x_j independent of each other: |∂L/∂x| = |∂L/∂x| · √S needs S = Σ a_i² +
    l = 1.
    """
    s = square(point) + l
    statement = "‖∂L/∂x‖ = |∂L/∂x| · √(Σ (∂F_l/∂x_i)² + l)"
    given = {"l": str(l), "∂F_l/∂x": show(*point), "∂L/∂H": "1"}
    return (
        Counterexample(statement, given, f"{root(s)} · {root(s)}", f"‖∂L/∂x‖ = {root(s)}")
        if s != 1
        else None
    )


def _not_equal(l: int, point: Point) -> Counterexample | None:
    dense = Dense.at(l, point)
    if dense is None or square(dense.pulled) == dense.signal * (square(dense.a) + l):
        return None
    claims = f"‖∂L/∂H‖ · √(Σ (∂F_l/∂x_i)² + l) = {root(dense.signal * (square(dense.a) + l))}"
    return dense.counterexample("‖∂L/∂x‖ = ‖∂L/∂H‖ · ‖∂H/∂x‖_F", claims)


def judge_relation(evidence: Relation) -> Finding:
    return _judged(evidence.scalar, evidence.broken, [])


def lower_bound(sources: Sources) -> LowerBound:
    ones, ells = (sources.proof("eq6", "scalar", f"bound_with_{term}") for term in ("1", "l"))
    scalar = {
        "in the scalar reading, last term 1": ones,
        "in the scalar reading, last term l": ells,
    }
    broken = {
        "in the operator reading, last term l": smallest(
            (2, 3), lambda l: 2 * l + 1, lambda l, point: _too_small(l, point, l)
        ),
        "in the operator reading, last term 1": smallest(
            (1, 2), lambda l: 2 * l + 1, lambda l, point: _too_small(l, point, 1)
        ),
    }
    tried = [dense for point in points(5) if (dense := Dense.at(2, point))]
    satisfied = [dense for dense in tried if _bounded(dense, 2)]
    return LowerBound(scalar, broken, len(tried), len(satisfied))


def _bounded(dense: Dense, last: int) -> bool:
    return square(dense.pulled) >= dense.signal * (square(dense.a) + last)


def _too_small(l: int, point: Point, last: int) -> Counterexample | None:
    dense = Dense.at(l, point)
    if dense is None or _bounded(dense, last):
        return None
    claims = (
        f"at least ‖∂L/∂H‖ · √(Σ (∂F_l/∂x_i)² + {last}) = "
        f"{root(dense.signal * (square(dense.a) + last))}"
    )
    return dense.counterexample(
        f"‖∂L/∂x‖ ≥ ‖∂L/∂H‖ · √(Σ (∂F_l/∂x_i)² + {'l' if last == l > 1 else last})", claims
    )


def judge_lower_bound(evidence: LowerBound) -> Finding:
    return _judged(
        evidence.scalar,
        evidence.broken,
        [f"for l = 2, {evidence.satisfied} of {evidence.tried} instances reach the bound with l"],
    )


def root_law(sources: Sources) -> RootLaw:
    scalar = {
        f"in the scalar reading, last term of Eq. (6) {term}": sources.proof(
            "eq6", "scalar", f"law_with_{term}"
        )
        for term in ("l", "1")
    }
    lines = sources.paper.equation4
    literal = tuple(literal_square(lines, l) for l in LAYERS)
    broken = {
        "in the scalar reading, last term of Eq. (6) 1": smallest(
            range(1, 4), lambda _: 0, _printed_limit
        ),
        "in the operator reading, |∂L/∂H| the norm of ∂L/∂H": smallest(
            range(1, 4), lambda l: l, _norm_law
        ),
        "for Eq. (4) read literally": next(
            (_literal_norm(l, n) for l, n in zip(LAYERS, literal, strict=True) if n != l), None
        ),
    }
    return RootLaw(scalar, _signal_on_inputs(), broken, literal)


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


def _norm_law(l: int, g: Point) -> Counterexample | None:
    """A vanished branch, no signal on the new maps: the gradient is g, as long as ∂L/∂H."""
    dense = Dense.at(l, (*[Fraction(0)] * (l + 1), *g))
    if dense is None or square(dense.pulled) == dense.signal * l:
        return None
    return dense.counterexample(
        "‖∂L/∂x‖ = ‖∂L/∂H‖ · √l", f"‖∂L/∂H‖ · √l = {root(dense.signal * l)}"
    )


def _literal_norm(l: int, norm: int) -> Counterexample:
    given = {"l": str(l), "every F′": "0"}
    return Counterexample(
        "‖∂H/∂x‖_F² = l for Eq. (4) as it is written", given, str(l), f"‖∂H/∂x‖_F² = {norm}"
    )


def judge_root_law(evidence: RootLaw) -> Finding:
    operator = Case(
        "in the operator reading, |∂L/∂H| the root mean square of ‖g_0‖, …, ‖g_{l−1}‖",
        decide(evidence.operator),
        UNDECIDED,
    )
    left = (
        f"in the operator reading {evidence.operator.statement}"
        f"{'' if evidence.operator.proved else ' (not proved)'}, whose norm is √l times the root "
        "mean square of ‖g_i‖, as that of any l parts"
    )
    norms = (
        "Eq. (4) read literally leaves squared norms "
        + ", ".join(map(str, evidence.literal[:4]))
        + ", …"
    )
    return _judged(evidence.scalar, evidence.broken, [left, norms], operator)


def _judged(
    scalar: Mapping[str, Proof],
    broken: Mapping[str, Counterexample | None],
    remarks: Sequence[str],
    *others: Case,
) -> Finding:
    """Proved statements hold, broken ones fail; each reading is a case of its own."""
    proved = [
        Case(name, decide(proof, broken.get(name)), UNDECIDED) for name, proof in scalar.items()
    ]
    failed = [
        Case(name, None if each is None else False, UNDECIDED)
        for name, each in broken.items()
        if name not in scalar
    ]
    found = {name: each for name, each in broken.items() if each}
    first = next(
        (each for name, each in found.items() if "operator" in name),
        next(iter(found.values()), None),
    )
    summary = [f"{case.name}: proved for every l" for case in proved if case.holds]
    summary += [f"{name}: {each}" for name, each in found.items() if each is not first]
    return Finding(
        "scalar and operator",
        in_each(*proved, *others, *failed),
        "; ".join([*summary, *remarks]),
        first,
    )


CLAIMS = (
    Claim(
        "C12",
        "Eq. (6), first relation",
        "‖∂L/∂x‖ = |∂L/∂H| × √(the sum of squares of Eq. (5))",
        relation,
        judge_relation,
    ),
    Claim(
        "C13",
        "Eq. (6), second relation",
        "‖∂L/∂x‖ ≥ |∂L/∂H| × √(Σ (∂F_l/∂x_i)² + 1), the last term perhaps l",
        lower_bound,
        judge_lower_bound,
    ),
    Claim(
        "C14",
        "section 3, after Eq. (6)",
        "|∂L/∂H| × √l remains when all ∂F_l/∂x_i → 0 in a dense block",
        root_law,
        judge_root_law,
    ),
)
