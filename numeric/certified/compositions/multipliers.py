"""Chooses multipliers for slopes that are not known, in plain float64: it proves nothing.

With p > 0 for the units of (y, v) = N (x, w), |w| ≤ |v|, a bound ρ² = t holds where

    X(p, t) = diag(t, p) − NᵀN, the rows of v weighted by p, is positive definite

(Fazlyab et al. 2019, NeurIPS 32, written for slopes around their middle). Such t is made small by
Newton's method on τ t − log det X, from multipliers that work, layer by layer.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

_STAGES = 8
"""Each with a weight τ four times that of the last, until t is as good as least."""

_STEPS = 100
"""Of Newton's method in one stage, at most: the first takes most of them."""

_LARGEST = 1e140
"""Entries whose squares are added up without overflow."""


@dataclass(frozen=True)
class Feedback:
    """N (outputs + units) × (inputs + units), and where the units of each layer begin."""

    matrix: Tensor
    outputs: int
    inputs: int
    layers: tuple[int, ...]


def chosen(given: Feedback) -> tuple[Tensor, float]:
    """Multipliers p (units,) and the t that they give; infinite where none were found.

    So it is, too, where nothing reaches the outputs, or numbers leave the range of float64.
    """
    nothing = given.matrix.new_ones(given.matrix.shape[1] - given.inputs), torch.inf
    if not given.matrix.abs().max() < _LARGEST:  # also for NaN
        return nothing
    try:
        return _improved(_compressed(given))
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        return nothing


def _improved(feedback: Feedback) -> tuple[Tensor, float]:
    p = _start(feedback)
    t = _least(feedback, p)
    if not torch.isfinite(p).all() or not 0 < t < torch.inf:
        return p, torch.inf
    size = feedback.matrix.shape[1]
    t *= 1.5
    for stage in range(_STAGES):
        p, t = _centered(feedback, p, t, size * 4.0**stage / t)
    return p, _least(feedback, p)


def _compressed(given: Feedback) -> Feedback:
    """As few inputs as there are rows: what is orthogonal to the rows has no effect."""
    rows = given.matrix[:, : given.inputs]
    if len(rows) >= given.inputs:
        return given
    triangle = torch.linalg.qr(rows.mT, mode="r").R.mT
    matrix = torch.cat([triangle, given.matrix[:, given.inputs :]], 1)
    return Feedback(matrix, given.outputs, triangle.shape[1], given.layers)


def _start(given: Feedback) -> Tensor:
    """One multiplier per layer, from the norms of the blocks.

    Were each block its norm n, ρ = f + c (1 − a)⁻¹ b would bound the sequence, term by term; and
    scaling by the Perron vectors of that nonnegative system gives just as much.
    """
    n, m = given.inputs, given.outputs
    within = _lengths(given.matrix[:, n:].mT) / _lengths(given.matrix[m:])  # as balanced as can be
    rows, columns = (torch.cat([within.new_ones(k), within.sqrt()]) for k in (m, n))
    ends = (*given.layers[1:], len(within))
    parts = [j - i for i, j in zip(given.layers, ends, strict=True)]
    norms = torch.stack(
        [
            torch.stack([torch.linalg.matrix_norm(part, 2) for part in row.split([n, *parts], 1)])
            for row in (rows[:, None] * given.matrix / columns).split([m, *parts])
        ]
    )
    norms = 1.02 * norms + 1e-9 * norms.max()  # what is proved with room is proved
    inverse = torch.linalg.inv(torch.eye(len(parts)).double() - norms[1:, 1:].tril(-1))
    c, b = norms[0, 1:] @ inverse, inverse @ norms[1:, 0]
    size = norms[0, 0] + c @ norms[1:, 0]
    return within * (size * c / b).repeat_interleave(torch.tensor(parts))


def _lengths(rows: Tensor) -> Tensor:
    found = torch.linalg.vector_norm(rows, dim=1)
    return found.clamp(min=1e-9 * found.max().clamp(min=1e-300))


def _matrix(given: Feedback, p: Tensor, t: float) -> Tensor:
    weights = torch.cat([p.new_ones(given.outputs), p])[:, None]
    x = -given.matrix.mT @ (weights * given.matrix)
    x.diagonal()[: given.inputs] += t
    x.diagonal()[given.inputs :] += p
    return x


def _least(given: Feedback, p: Tensor) -> float:
    """The least t for these multipliers."""
    x, n = _matrix(given, p, 0.0), given.inputs
    factor, failed = torch.linalg.cholesky_ex(x[n:, n:])
    if failed:
        return torch.inf
    half = torch.linalg.solve_triangular(factor, x[n:, :n], upper=False)
    return torch.linalg.eigvalsh(half.mT @ half - x[:n, :n])[-1].clamp(min=0).item()


def _centered(given: Feedback, p: Tensor, t: float, weight: float) -> tuple[Tensor, float]:
    """Towards the minimum of τ t − log det X."""
    value = _value(given, p, t, weight)
    for _ in range(_STEPS):
        gradient, hessian = _derivatives(given, p, t, weight)
        # In units of p and t themselves, so that it is well scaled.
        scale = torch.cat([p, p.new_tensor([t])])
        gradient, hessian = gradient * scale, hessian * scale * scale[:, None]
        factor, failed = torch.linalg.cholesky_ex(hessian + 1e-12 * torch.diag(hessian.diagonal()))
        if failed:
            break
        move = -torch.cholesky_solve(gradient[:, None], factor)[:, 0]
        decrement = -(gradient @ move).item()
        length = 1.0
        for _ in range(14):
            q, s = p * (1 + length * move[:-1]), t * (1 + length * move[-1].item())
            moved = _value(given, q, s, weight) if q.min() > 0 and s > 0 else torch.inf
            if moved < value:
                break
            length /= 2
        else:
            break
        p, t, value = q, s, moved
        if decrement < 1e-2:
            break
    return p, t


def _value(given: Feedback, p: Tensor, t: float, weight: float) -> float:
    factor, failed = torch.linalg.cholesky_ex(_matrix(given, p, t))
    if failed:
        return torch.inf
    return weight * t - 2 * factor.diagonal().log().sum().item()


def _derivatives(given: Feedback, p: Tensor, t: float, weight: float) -> tuple[Tensor, Tensor]:
    """Of τ t − log det X by p and, last, by t: X is linear in both."""
    n, size = given.inputs, len(p)
    factor = torch.linalg.cholesky(_matrix(given, p, t))
    inverse = torch.cholesky_inverse(factor)
    rows = given.matrix[given.outputs :]
    seen = rows @ inverse  # (units, inputs + units)
    among, across, through = inverse[n:, n:], seen[:, n:], seen @ rows.mT
    gradient = through.diagonal() - among.diagonal()
    hessian = among.square() - across.square() - across.mT.square() + through.square()
    mixed = inverse[n:, :n].square().sum(1) - seen[:, :n].square().sum(1)
    corner = inverse[:n, :n].square().sum()
    full = p.new_zeros(size + 1, size + 1)
    full[:size, :size], full[size, :size], full[:size, size] = hessian, mixed, mixed
    full[size, size] = corner
    trace = weight - inverse.diagonal()[:n].sum()
    return torch.cat([gradient, trace[None]]), full
