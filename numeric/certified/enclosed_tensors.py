"""Computes with tensors that are known up to a radius, in midpoint–radius arithmetic.

Each operation encloses what exact arithmetic would give for every choice within the radii (Rump
1999, BIT 39). In float64 on the CPU, kernels add and multiply in whatever order; fast convolutions
(Winograd, FFT), which round otherwise, are for float32 alone. Never imports a term.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from flint import arb
from torch import Tensor

from derivations.errors import InputError
from numeric.certified import balls
from numeric.certified.balls import between, clamped, gamma, precise, root, up
from numeric.checks import described, is_dense

Linear = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Enclosed:
    """Tensors (batch, *shape) whose exact entries lie within `rad` of `mid`.

    Both are float64 on the CPU.
    """

    mid: Tensor
    rad: Tensor

    @staticmethod
    def exactly(value: Tensor) -> "Enclosed":
        """A stored tensor, as it is.

        Raises InputError if it is not real floating point and finite.
        """
        if (
            not isinstance(value, Tensor)
            or not is_dense(value)
            or value.is_meta
            or not value.dtype.is_floating_point
            or not value.double().isfinite().all()
        ):
            raise InputError(
                f"{described(value)} cannot be certified: it must be dense, real and finite"
            )
        # Not an inference tensor, which autograd refuses: transposes are found by it.
        with torch.inference_mode(False), torch.no_grad():
            mid = value.clone() if value.is_inference() else value
            mid = mid.detach().to("cpu", torch.float64)
        return Enclosed(mid, torch.zeros_like(mid))

    @staticmethod
    def between(low: Tensor, high: Tensor) -> "Enclosed":
        """Whatever lies between stored ends; exact where they meet."""
        mid = low + (high - low) / 2
        return Enclosed(mid, torch.where(low == high, 0, up(torch.maximum(high - mid, mid - low))))

    @property
    def shape(self) -> torch.Size:
        return self.mid.shape

    @property
    def low(self) -> Tensor:
        """No greater than any entry's exact value."""
        return torch.where(
            self.rad == 0,
            self.mid,
            torch.nextafter(self.mid - self.rad, torch.full_like(self.mid, -torch.inf)),
        )

    @property
    def high(self) -> Tensor:
        """No less than any entry's exact value."""
        return torch.where(
            self.rad == 0,
            self.mid,
            torch.nextafter(self.mid + self.rad, torch.full_like(self.mid, torch.inf)),
        )

    def size(self) -> Tensor:
        """No less than any entry's magnitude."""
        return up(self.mid.abs() + self.rad)

    def is_zero(self) -> Tensor:
        """Which entries are zero beyond doubt."""
        return (self.mid == 0) & (self.rad == 0)

    def view(self, *shape: int) -> "Enclosed":
        return Enclosed(self.mid.reshape(shape), self.rad.reshape(shape))

    def __getitem__(self, index: slice | tuple[slice, ...]) -> "Enclosed":
        return Enclosed(self.mid[index], self.rad[index])

    def __add__(self, other: "Enclosed") -> "Enclosed":
        mid, rad = self.mid + other.mid, self.rad + other.rad
        # A sum of floats is 0 only where they cancel exactly.
        error = torch.where((mid == 0) & (rad == 0), 0, up(rad + balls.UNIT * mid.abs(), 3))
        return _finite(mid, error)

    def __mul__(self, other: "Enclosed | float") -> "Enclosed":
        if not isinstance(other, Enclosed):
            other = Enclosed.exactly(torch.full_like(self.mid, other))
        mid = self.mid * other.mid
        spread = self.mid.abs() * other.rad + self.rad * other.mid.abs() + self.rad * other.rad
        # Zero times anything is zero; a product of other floats may underflow to it.
        error = torch.where(
            self.is_zero() | other.is_zero(), 0, up(spread + balls.UNIT * mid.abs(), 4)
        )
        return _finite(mid, error)

    def __rsub__(self, number: int) -> "Enclosed":
        return Enclosed.exactly(torch.full_like(self.mid, number)) + self * -1.0


def cat(parts: Sequence[Enclosed]) -> Enclosed:
    """Joins along dimension 1."""
    return Enclosed(
        torch.cat([part.mid for part in parts], 1), torch.cat([part.rad for part in parts], 1)
    )


def apply(linear: Linear, absolute: Linear, terms: int, x: Enclosed) -> Enclosed:
    """Lx for a linear map L whose entries are sums of at most `terms` products.

    `absolute` applies |L|.
    """
    mid = linear(x.mid)
    spread = absolute(up(x.rad + gamma(terms) * x.mid.abs(), 2))
    # A sample that is zero beyond doubt stays so: the map takes each by itself.
    zero = x.is_zero().reshape(len(x.mid), -1).all(1).view(-1, *[1] * (mid.dim() - 1))
    return _finite(mid, torch.where(zero, 0, up(spread, terms)))


def norm(v: Enclosed) -> list[arb]:
    """‖v‖₂ of every sample."""
    scaled, exponents = _scaled(v)
    with precise():
        return [
            root(square) * arb(2) ** e
            for square, e in zip(_products(scaled, scaled), exponents.tolist(), strict=True)
        ]


def cosine(u: Enclosed, v: Enclosed) -> list[arb]:
    """cos∠(u, v) of every sample.

    All of [−1, 1] where u or v may be zero, its value there being a convention.
    """
    (u, _), (v, _) = _scaled(u), _scaled(v)
    with precise():
        lengths = [root(a) * root(b) for a, b in zip(_products(u, u), _products(v, v), strict=True)]
        return [
            clamped(product / length, -1, 1) if length > 0 else between(arb(-1), arb(1))
            for product, length in zip(_products(u, v), lengths, strict=True)
        ]


def _scaled(v: Enclosed) -> tuple[Enclosed, Tensor]:
    """v·2^−e, flat, with entries of order one, and e (batch,).

    So no square that matters under- or overflows.
    """
    flat = v.view(len(v.mid), -1)
    exponents = torch.frexp(flat.size().amax(1)).exponent.clamp(-1000, 1000)
    # Not torch.exp2 or ldexp: their powers of two may be off in the last place.
    factor = torch.tensor([[math.ldexp(1.0, -e)] for e in exponents.tolist()], dtype=torch.float64)
    rad = torch.where(flat.is_zero(), 0, flat.rad * factor + 2 * balls.TINY)
    return Enclosed(flat.mid * factor, rad), exponents


def _products(u: Enclosed, v: Enclosed) -> list[arb]:
    """Σᵢ uᵢ vᵢ of every row, (batch, n) each."""
    terms = u.shape[1]
    value = (u.mid * v.mid).sum(1)
    spread = (
        u.mid.abs() * v.rad
        + u.rad * v.mid.abs()
        + u.rad * v.rad
        + gamma(terms) * (u.mid * v.mid).abs()
    )
    nothing = (u.is_zero() | v.is_zero()).all(1)
    error = torch.where(nothing, 0, up(spread.sum(1), terms + 4) + terms * balls.TINY)
    return [
        arb(middle, radius) for middle, radius in zip(value.tolist(), error.tolist(), strict=True)
    ]


def _finite(mid: Tensor, rad: Tensor) -> Enclosed:
    if not (mid.isfinite().all() and rad.isfinite().all()):
        raise InputError(
            "an enclosed value is beyond the range of float64: rescale the input or the weights"
        )
    return Enclosed(mid, rad)
