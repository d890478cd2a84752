"""Evaluates counterexamples a second time, by torch's autograd in float64.

Shares nothing with the search but the numbers; where the two differ, ViolationError is raised.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import torch
from torch import Tensor

from derivations.algebra.terms import Term
from derivations.errors import ViolationError
from numeric import realize

AGREEMENT = 1e-12
"""Allowed difference from the exact number, relative to 1 + its modulus: a handful of float64
roundings."""


def gradient(
    term: Term,
    leaves: Mapping[str, Callable[[Tensor], Tensor]],
    x: Sequence[Fraction],
    g: Sequence[Fraction],
) -> list[float]:
    """∂L/∂x at x for the backward signal g: (n,) and (m,) in, (n,) out."""
    at = tensor(x)[None].requires_grad_()
    (realize(term, leaves)(at) * tensor(g)).sum().backward()
    assert at.grad is not None
    return [float(number) for number in at.grad[0]]


def linear(*rows: Sequence[Fraction]) -> Callable[[Tensor], Tensor]:
    """x ↦ A x, (batch, n) to (batch, m), for the rows of A."""
    matrix = torch.stack([tensor(row) for row in rows])
    return lambda x: x @ matrix.T


def affine(slope: Fraction, value: Fraction, at: Fraction) -> Callable[[Tensor], Tensor]:
    """x ↦ value + slope · (x − at) of numbers."""
    return lambda x: float(value) + float(slope) * (x - float(at))


def tensor(numbers: Sequence[Fraction]) -> Tensor:
    """In float64."""
    return torch.tensor([float(number) for number in numbers], dtype=torch.float64)


def agree(name: str, seen: float, exact: float) -> float:
    """`seen`, if it is the exact number up to rounding; raises ViolationError."""
    # `not <=` and not `>`: NaN is no agreement.
    if not abs(seen - exact) <= AGREEMENT * (1 + abs(exact)):
        raise ViolationError(f"{name}: autograd gives {seen}, exact arithmetic {exact}")
    return seen
