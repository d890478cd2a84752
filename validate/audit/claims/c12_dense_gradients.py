"""Judges C12: the equality of Eq. (6), in every reading; defines the dense steps of C12 to C15.

Two things are written ‖∂L/∂x‖. In the scalar reading ∂L/∂H is one number, and the norm is that
number times ‖∂H/∂x‖_F, proved for symbolic l; no gradient of a loss has it. In the operator reading
∂L/∂H is a vector (g_F, g_0, …, g_{l−1}), J = (a; I), and ‖∂L/∂x‖ is the norm of Jᵀ ∂L/∂H.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from derivations.algebra.blocks import DENSE
from validate.audit.counterexample_search import Point, root, show, smallest, square
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
from validate.audit.verdicts import Case, in_each

SCALAR, OPERATOR = "in the scalar reading", "in the operator reading"
NORMS = (
    "scalar: ∂L/∂H is one number and ‖∂L/∂x‖ stands for |∂L/∂H| · ‖∂H/∂x‖_F, the number times the "
    "norm of the array of Eq. (5); operator: ‖∂L/∂x‖ is the norm of (∂H/∂x)ᵀ · ∂L/∂H, with ∂L/∂H = "
    "(g_F, g_0, …, g_{l−1}), g_F on F_l and g_i on x_i"
)
BOTH_CONVENTIONS = "with independent x_i (∂x_j/∂x_i = 0 for j ≠ i) and with total derivatives alike"
INDEPENDENT = "numbers are given for independent x_i (∂x_j/∂x_i = 0 for j ≠ i)"


@dataclass(frozen=True)
class Relation:
    """A statement of Eq. (6): as proved in the scalar reading, and the smallest instance that
    breaks it in each other reading. `on_each_output`: the smallest block in which the norm of the
    scalar reading is not that of ∂L/∂x, the one number arriving on each output.
    """

    scalar: Mapping[str, Proof]
    broken: Mapping[str, Counterexample | None]
    on_each_output: Counterexample | None


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
    corrected = {f"{SCALAR}, with |∂L/∂H| for |∂L/∂x|": sources.proof("eq6", "scalar", "norm")}
    broken = {
        "as transcribed, with |∂L/∂x| on both sides": smallest(
            (1, 2), lambda l: l, _self_reference
        ),
        f"{OPERATOR}, where it is an upper bound": smallest(
            (1, 2), lambda l: 2 * l + 1, _not_equal
        ),
    }
    return Relation(corrected, broken, smallest((1, 2), lambda l: l, _on_each_output))


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
    if dense is None or square(dense.pulled) == _claimed(dense):
        return None
    claims = f"‖∂L/∂H‖ · √(Σ (∂F_l/∂x_i)² + l) = {root(_claimed(dense))}"
    return dense.counterexample("‖∂L/∂x‖ = ‖∂L/∂H‖ · ‖∂H/∂x‖_F", claims)


def _claimed(dense: Dense) -> Fraction:
    """(‖∂L/∂H‖ · ‖∂H/∂x‖_F)²."""
    return dense.signal * (square(dense.a) + len(dense.a))


def _on_each_output(l: int, point: Point) -> Counterexample | None:
    """A signal of 1 on every output, whose gradient vanishes."""
    dense = Dense(point, Fraction(1), (Fraction(1),) * l)
    if any(dense.pulled):
        return None
    return dense.counterexample(
        "the number of the scalar reading, arriving on each output, gives its norm",
        f"1 · √(Σ (∂F_l/∂x_i)² + l) = {root(square(point) + l)}",
    )


def judge_relation(evidence: Relation) -> Finding:
    remarks = [INDEPENDENT]
    if all(proof.proved for proof in evidence.scalar.values()):
        remarks.insert(0, "with |∂L/∂H| it holds by the definition of ‖∂L/∂x‖ in this reading")
    if evidence.on_each_output:
        remarks.insert(
            -1,
            "the scalar norm is not that of ∂L/∂x, as where the one number arrives on each output: "
            f"{evidence.on_each_output}",
        )
    return judge_readings(evidence.scalar, evidence.broken, remarks)


def judge_readings(
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
        (each for name, each in found.items() if OPERATOR in name),
        next(iter(found.values()), None),
    )
    summary = [
        f"{case.name}: proved for every l, {BOTH_CONVENTIONS}" for case in proved if case.holds
    ]
    summary += [f"{name}: {each}" for name, each in found.items() if each is not first]
    return Finding(
        NORMS, in_each(*proved, *others, *failed), "; ".join([*summary, *remarks]), first
    )


CLAIMS = (
    Claim(
        "C12",
        "Eq. (6), first relation",
        "‖∂L/∂x‖ = |∂L/∂H| × √(the sum of squares of Eq. (5)), |∂L/∂H| being printed as |∂L/∂x|",
        relation,
        judge_relation,
    ),
)
