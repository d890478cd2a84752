"""Reduces batched operators to small tri- or bidiagonal matrices on random Krylov spaces.

Every sample runs its own recurrence from its own seeded Gaussian start, with reorthogonalization;
nothing is ever NaN. Where a Krylov space is exhausted early, the recurrence goes on from a fresh
random start in its complement, so the bases stay orthonormal and a full run has seen the whole
space. Never imports a term.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from derivations.errors import InputError
from numeric.operators.linear_operator import LinearOperator
from numeric.operators.vector_norms import norm
from numeric.tolerances import tolerances

_USUAL = 64
"""Steps whose vectors are stored beforehand: more than runs take by default."""


@dataclass(frozen=True)
class Tridiagonal:
    """Q_kᵀ S Q_k for the symmetric part S of an operator, with orthonormal Q_k of k columns.

    All float64 on the CPU.

    diagonal: (batch, k).

    off: (batch, k); off[:, j] couples columns j and j+1, the last one the space not seen.

    closed: (batch, k) bool; the coupling is rounding noise (off then bounds it) and column j+1 a
    fresh random start.

    scale: (batch,) the largest product seen, or what its parts reach where they cancel: what
    rounding is relative to.
    """

    diagonal: Tensor
    off: Tensor
    closed: Tensor
    scale: Tensor

    def matrix(self) -> Tensor:  # -> (batch, k, k)
        """The tridiagonal matrix, closed couplings being zero."""
        off = torch.where(self.closed, 0, self.off)[:, :-1]
        return (
            torch.diag_embed(self.diagonal) + torch.diag_embed(off, 1) + torch.diag_embed(off, -1)
        )


@dataclass(frozen=True)
class Bidiagonal:
    """J V_k = U_k B_k and Jᵀ U_k = V_{k+1} [B_k, β_k e_k]ᵀ with orthonormal U and V.

    All float64 on the CPU.

    alpha: (batch, k) the diagonal of B_k.

    beta: (batch, k) the superdiagonal, the last one coupling to the space not seen.

    alpha_closed, beta_closed: (batch, k) bool; rounding noise (bounded by alpha, beta), followed by
    a fresh random start.

    scale: (batch,) the largest product seen, or what its parts reach where they cancel: what
    rounding is relative to.
    """

    alpha: Tensor
    beta: Tensor
    alpha_closed: Tensor
    beta_closed: Tensor
    scale: Tensor

    def matrix(self) -> Tensor:  # -> (batch, k, k)
        """B_k, closed entries being zero."""
        alpha, beta = (
            torch.where(self.alpha_closed, 0, self.alpha),
            torch.where(self.beta_closed, 0, self.beta),
        )
        return torch.diag_embed(alpha) + torch.diag_embed(beta[:, :-1], 1)

    def augmented(self) -> Tridiagonal:
        """The recurrence of (v_1, u_1, v_2, u_2, …) under (v, u) ↦ (Jᵀu, Jv).

        Its eigenvalues are ± the singular values.
        """
        off = torch.stack([self.alpha, self.beta], 2).flatten(1)
        closed = torch.stack([self.alpha_closed, self.beta_closed], 2).flatten(1)
        return Tridiagonal(torch.zeros_like(off), off, closed, self.scale)


def tridiagonalizations(
    operator: LinearOperator, counts: Iterable[int], seed: int
) -> Iterator[Tridiagonal]:
    """One run of Lanczos on S = (J + Jᵀ)/2, as it stands after each of `counts` steps.

    All of them at most n. Raises InputError unless J maps a space to itself. A run is the same
    whatever the counts, and goes no further than it is asked.
    """
    if operator.in_shape != operator.out_shape:
        raise InputError(
            f"the operator maps {operator.in_shape} to {operator.out_shape}: only equal "
            "shapes have a symmetric part"
        )
    counts = _capped(counts, operator.in_dim)
    shape = (operator.batch, *operator.in_shape)
    basis = _Basis(operator, operator.in_dim, counts[-1], seed, side=0)
    columns: list[tuple[Tensor, Tensor, Tensor]] = []
    q = previous = basis.start()
    link, scale = q.new_zeros(operator.batch), operator.magnitude()
    for step in range(1, counts[-1] + 1):
        # Not push and pull: they would look again for what is not finite, which `norm` refuses in
        # every product.
        pushed, pulled = (
            operator._push(q.view(shape)).flatten(1),
            operator._pull(q.view(shape)).flatten(1),
        )
        scale = torch.maximum(scale, torch.maximum(norm(pushed), norm(pulled)))
        product = torch.addcmul((pushed + pulled) / 2, previous, link[:, None], value=-1)
        diagonal = (product * q).sum(1)
        product.addcmul_(q, diagonal[:, None], value=-1)
        previous, (q, off, closed) = q, basis.extend(product, scale)
        link = torch.where(closed, 0, off)
        columns.append((diagonal, off, closed))
        if step in counts:
            diagonals, offs, closings = (
                torch.stack(column, 1).cpu() for column in zip(*columns, strict=True)
            )
            yield Tridiagonal(diagonals.double(), offs.double(), closings, scale.double().cpu())


def bidiagonalizations(
    operator: LinearOperator, counts: Iterable[int], seed: int
) -> Iterator[Bidiagonal]:
    """One run of Golub–Kahan bidiagonalization, as it stands after each of `counts` steps.

    All of them at most n; it starts in the operator's input space. Raises InputError if m < n,
    where V could not be completed: pass the operator's adjoint. Otherwise as `tridiagonalizations`.
    """
    if operator.out_dim < operator.in_dim:
        raise InputError(
            f"the operator maps {operator.in_shape} to the smaller {operator.out_shape}: "
            "bidiagonalize its adjoint"
        )
    counts = _capped(counts, operator.in_dim)
    in_shape, out_shape = (
        (operator.batch, *operator.in_shape),
        (operator.batch, *operator.out_shape),
    )
    right = _Basis(operator, operator.in_dim, counts[-1], seed, side=0)
    left = _Basis(operator, operator.out_dim, counts[-1], seed, side=1)
    columns: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    v = right.start()
    u, link, scale = (
        v.new_zeros(operator.batch, operator.out_dim),
        v.new_zeros(operator.batch),
        operator.magnitude(),
    )
    for step in range(1, counts[-1] + 1):
        product = torch.addcmul(
            operator._push(v.view(in_shape)).flatten(1), u, link[:, None], value=-1
        )
        u, alpha, alpha_closed = left.extend_lazily(product, scale, link)
        scale, link = torch.maximum(scale, alpha), torch.where(alpha_closed, 0, alpha)
        product = torch.addcmul(
            operator._pull(u.view(out_shape)).flatten(1), v, link[:, None], value=-1
        )
        v, beta, beta_closed = right.extend(product, scale)
        scale, link = torch.maximum(scale, beta), torch.where(beta_closed, 0, beta)
        columns.append((alpha, beta, alpha_closed, beta_closed))
        if step in counts:
            alphas, betas, *closings = (
                torch.stack(column, 1).cpu() for column in zip(*columns, strict=True)
            )
            yield Bidiagonal(
                alphas.double(), betas.double(), closings[0], closings[1], scale.double().cpu()
            )


def lanczos(operator: LinearOperator, steps: int, seed: int) -> Tridiagonal:
    """The last of `tridiagonalizations`, after `steps` steps (at most n)."""
    (run,) = tridiagonalizations(operator, (steps,), seed)
    return run


def golub_kahan(operator: LinearOperator, steps: int, seed: int) -> Bidiagonal:
    """The last of `bidiagonalizations`, after `steps` steps (at most n)."""
    (run,) = bidiagonalizations(operator, (steps,), seed)
    return run


def _capped(counts: Iterable[int], most: int) -> list[int]:
    return sorted({min(count, most) for count in counts})


class _Basis:
    """Orthonormal vectors of every sample, and the random streams that feed them.

    The storage (steps, batch, dim) is allocated beforehand for a usual run; in a long one it grows.
    It is all that a run's memory grows with: steps × batch × dim × the bytes of a number.
    """

    def __init__(
        self, operator: LinearOperator, dim: int, steps: int, seed: int, side: int
    ) -> None:
        # One stream per sample: a sample's start must not depend on its companions.
        self.streams = [
            np.random.default_rng((seed, side, sample)) for sample in range(operator.batch)
        ]
        self.most, self.operator, self.dim = steps, operator, dim
        self.vectors = self._storage(min(steps, _USUAL))
        self.tolerances = tolerances(operator.dtype)
        self.drift = torch.zeros(operator.batch, dtype=operator.dtype, device=operator.device)
        self.count = 0

    def start(self) -> Tensor:  # -> (batch, dim)
        """Stores and returns a first random vector per sample."""
        vector = self._random(list(range(len(self.streams))))
        return self._append(vector, norm(vector))

    def extend(self, vector: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Orthonormalizes `vector` (batch, dim) against the basis and stores it.

        Returns it, its length and if it was noise. Noise is what is no longer than the breakdown
        tolerance times the larger of `scale` and the length itself; that bound is returned as its
        length, and a random vector takes its place. A basis that spans its space returns zero
        vectors.
        """
        vector, length = self._orthogonalize(vector)
        noise = self.tolerances.breakdown * torch.maximum(scale, length)
        closed = length <= noise
        if self.count == self.vectors.shape[2]:
            return torch.zeros_like(vector), noise, torch.ones_like(closed)
        if closed.any():
            samples = closed.nonzero()[:, 0].tolist()
            vector[samples], length[samples] = self._orthogonalize(self._random(samples), samples)
        return self._append(vector, length), torch.where(closed, noise, length), closed

    def extend_lazily(
        self, vector: Tensor, scale: Tensor, link: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`extend` for the left basis, reading earlier vectors only where that is needed.

        One-sided reorthogonalization nearly keeps that basis orthonormal by itself (Simon & Zha
        2000). J vⱼ = αⱼ uⱼ + βⱼ₋₁ uⱼ₋₁ with orthonormal v bounds the drift maxᵢ |⟨uᵢ, uⱼ⟩| by (βⱼ₋₁
        drift + ε‖J‖) / αⱼ, `link` being βⱼ₋₁: only where that exceeds the breakdown tolerance are
        the earlier vectors read.
        """
        length = norm(vector)
        self.drift = (
            link * self.drift + self.tolerances.eps * torch.maximum(scale, length)
        ) / length
        if (self.drift <= self.tolerances.breakdown).all():  # False also for 0/0
            return self._append(vector, length), length, torch.zeros_like(length, dtype=torch.bool)
        self.drift = torch.full_like(length, self.tolerances.eps)
        return self.extend(vector, scale)

    def _append(self, vector: Tensor, length: Tensor) -> Tensor:
        if self.count == self.most:
            return vector / length[:, None]
        if self.count == len(self.vectors):
            longer = self._storage(min(2 * self.count, self.most))
            longer[: self.count] = self.vectors
            self.vectors = longer
        self.count += 1
        return torch.div(vector, length[:, None], out=self.vectors[self.count - 1])

    def _storage(self, steps: int) -> Tensor:
        operator = self.operator
        shape = steps, operator.batch, self.dim
        try:
            if operator.device.type == "cpu":
                # NumPy asks for large pages, which are touched for the first time five times
                # faster.
                return torch.from_numpy(np.empty(shape, str(operator.dtype).split(".")[1]))
            return torch.empty(shape, dtype=operator.dtype, device=operator.device)
        except (RuntimeError, MemoryError, ValueError) as error:
            size = math.prod(shape) * operator.dtype.itemsize
            raise InputError(
                f"the Krylov basis of {steps} steps takes {size:.1e} bytes, more than there are: "
                "take fewer steps or samples, or stop early with rtol"
            ) from error

    def _orthogonalize(
        self, vector: Tensor, samples: list[int] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Removes the basis from `vector`, and again if that took much of a sample's length.

        Returns it and its length. Twice is enough: Giraud, Langou, Rozložník & van den Eshof 2005.
        """
        basis = (
            self.vectors[: self.count] if samples is None else self.vectors[: self.count, samples]
        ).transpose(0, 1)
        for _ in range(2):
            # Row vectors: bmm is ten times slower on a matrix times a column.
            coefficients = torch.bmm(vector[:, None], basis.transpose(1, 2))
            vector = torch.baddbmm(vector[:, None], coefficients, basis, alpha=-1)[:, 0]
            length = norm(vector)
            if (coefficients.abs().sum((1, 2)) <= length).all():
                break
        return vector, length

    def _random(self, samples: list[int]) -> Tensor:
        draws = np.stack(
            [self.streams[sample].standard_normal(self.vectors.shape[2]) for sample in samples]
        )
        return torch.from_numpy(draws).to(self.vectors)
