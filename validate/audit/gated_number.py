"""Defines gated blocks of one channel at one position, in which every derivative is a fraction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor

from derivations.algebra.terms import Gate, Term
from derivations.errors import InputError
from validate.audit.counterexample_search import Dual, show, tangent
from validate.audit.gradients import affine, gradient

GATE = "s = sigmoid(w_2 · ReLU(w_1 · F) + b_2)"
"""The gate of such a block, for a reader of `GatedNumber.given`."""

HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)
INPUT = Fraction(1)


def gate_of(term: Term) -> Gate:
    """The gated branch among the parts of a block; raises InputError if there is none."""
    for part in getattr(term, "parts", ()):
        if isinstance(part, Gate):
            return part
    raise InputError(f"{term} has no gated branch")


@dataclass(frozen=True)
class GatedNumber:
    """F(x) = u + f (x − 1) at x = 1, one channel at one position, s = σ(w₂ · (relu(w₁ z) − relu(w₁
    z₀))), so that s = 1/2, s′ = 1/4.

    z is what the term feeds to the gate (F(x), or x itself), and z₀ its value at x = 1. The gate's
    last bias makes it so. A leaf named s is a gate σ(w₂ w₁ (x − 1)) of the input, all in one.
    """

    u: Fraction
    f: Fraction
    w1: Fraction
    w2: Fraction

    def exact(self) -> dict[str, Callable[[Dual], Dual]]:
        """What each leaf makes of a value and its derivative."""
        return {
            "F": lambda at: (self.u + self.f * (at[0] - INPUT), self.f * at[1]),
            "P": lambda at: at,
            "W_1": lambda at: (self.w1 * at[0], self.w1 * at[1]),
            "relu": lambda at: at if at[0] > 0 else (Fraction(0), Fraction(0)),
            "W_2": lambda at: (Fraction(0), self.w2 * at[1]),
            "sigmoid": lambda at: (HALF, QUARTER * at[1]),
            "B": lambda at: at,
            "s": lambda at: (HALF, QUARTER * self.w2 * self.w1 * at[1]),
        }

    def slope(self, term: Term) -> Fraction:
        """The derivative of a term of these leaves at x = 1, exactly."""
        return tangent(term, self.exact(), (INPUT, Fraction(1)))[1]

    def gradient(self, term: Term) -> float:
        """The same by autograd, ∂L/∂H being 1."""
        return gradient(term, self.torch_leaves(term), [INPUT], [Fraction(1)])[0]

    def torch_leaves(self, term: Term) -> Mapping[str, Callable[[Tensor], Tensor]]:
        """The leaves as functions of tensors."""
        # What reaches the last layer of the gate at x = 1: its bias shifts that to 0.
        seen: list[Fraction] = []

        def spy(at: Dual) -> Dual:
            seen.append(at[0])
            return Fraction(0), at[1]

        tangent(term, self.exact() | {"W_2": spy}, (INPUT, Fraction(1)))
        (at,) = seen or [Fraction(0)]
        return {
            "F": affine(self.f, self.u, INPUT),
            "P": lambda z: z,
            "W_1": affine(self.w1, Fraction(0), Fraction(0)),
            "relu": lambda z: z.relu(),
            "W_2": affine(self.w2, Fraction(0), at),
            "sigmoid": lambda z: z.sigmoid(),
            "B": lambda z: z,
            "s": lambda x: affine(self.w2 * self.w1, Fraction(0), INPUT)(x).sigmoid(),
        }

    def given(self, u: str) -> dict[str, str]:
        """The block, for a reader; `u` is what F(1) is called."""
        bias = -self.w2 * max(self.w1 * self.u, Fraction(0))
        weights = {"w_1": show(self.w1), "w_2": show(self.w2), "b_2": show(bias)}
        return {u: show(self.u), **weights, "s": show(HALF), "x": show(INPUT), "∂L/∂H": "1"}
