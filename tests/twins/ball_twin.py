"""The slow twin of certified numbers: four blocks written out as matrices of 128-bit balls.

Imports nothing of the toolkit: a gain found here shares no code with the one it judges.
"""

from collections.abc import Callable
from dataclasses import dataclass

import flint
import numpy as np
import torch
from flint import arb, arb_mat
from torch import Tensor, nn

BITS = 128


@dataclass(frozen=True)
class Case:
    """A block with dense layers at one stored activation: leaves, x and g with a batch of one."""

    block: str
    leaves: dict[str, nn.Module]
    x: Tensor
    g: Tensor


def drawn_case(block: str, size: int, seed: int) -> Case:
    """A block of `size` inputs (SE: `size` channels of 2); every fourth is an extremal one, where
    bounds are attained.
    """
    generator = torch.Generator().manual_seed(seed)

    def gaussian(*shape: int, scale: float = 1.0) -> Tensor:
        return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)

    def linear(rows: int, columns: int, weight: Tensor | None = None) -> nn.Linear:
        layer = nn.Linear(columns, rows, dtype=torch.float64).requires_grad_(False)
        layer.weight.copy_(
            gaussian(rows, columns, scale=columns**-0.5) if weight is None else weight
        )
        layer.bias.copy_(gaussian(rows, scale=0.1))
        return layer

    n = 2 * size if block == "se_residual" else size
    if seed % 4 == 0:
        tau = float(torch.rand((), generator=generator, dtype=torch.float64))
        branch = [linear(n, n, -tau * torch.eye(n, dtype=torch.float64))]
    else:
        branch = [linear(n + 1, n), nn.Tanh(), linear(n, n + 1)]
    leaves: dict[str, nn.Module] = {"F": nn.Sequential(*branch)}
    shape: tuple[int, ...] = (n,)
    if block == "se_residual":
        shape, hidden = (size, 2), max(size // 2, 1)
        leaves = {
            "F": nn.Sequential(nn.Flatten(), *branch, nn.Unflatten(1, shape)),
            "P": nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten()),
            "W_1": linear(hidden, size),
            "relu": nn.ReLU(),
            "W_2": linear(size, hidden),
            "sigmoid": nn.Sigmoid(),
            "B": nn.Sequential(nn.Unflatten(1, (size, 1)), nn.Upsample(scale_factor=2)),
        }
    out = (2 * n,) if block == "dense" else shape
    return Case(
        block, leaves, gaussian(1, *shape), gaussian(1, *out, scale=10.0 ** int(seed % 5 - 2))
    )


def exact_gain(case: Case) -> arb:
    """‖∂L/∂x‖ / ‖∂L/∂H‖ in balls."""
    with flint.ctx.workprec(BITS):
        g = column(case.g)
        return length(jacobian(case).transpose() * g) / length(g)


def norm_from_below(case: Case) -> arb:
    """‖Jv‖/‖v‖ in balls, at what floating point takes for the top singular vector: no more than
    ‖J‖₂, and short of it by ~1e-30.
    """
    with flint.ctx.workprec(BITS):
        matrix = jacobian(case)
        entries = np.array(
            [
                [float(matrix[i, j].mid()) for j in range(matrix.ncols())]
                for i in range(matrix.nrows())
            ]
        )
        v = arb_mat([[float(entry)] for entry in np.linalg.svd(entries)[2][0]])
        return length(matrix * v) / length(v)


def jacobian(case: Case) -> arb_mat:
    """∂H/∂x."""
    value, branch = branch_at(case)
    n = case.x.numel()
    match case.block:
        case "plain":
            return branch
        case "residual":
            return branch + eye(n)
        case "dense":
            return arb_mat([*branch.tolist(), *eye(n).tolist()])
        case "se_residual":
            return gated(case, value) * branch + eye(n)
    raise ValueError(case.block)


def branch_at(case: Case) -> tuple[arb_mat, arb_mat]:
    """F(x) and J_F."""
    value, matrix = column(case.x), eye(case.x.numel())
    for layer in case.leaves["F"]:
        if isinstance(layer, nn.Linear):
            value, matrix = weight(layer) * value + column(layer.bias), weight(layer) * matrix
        elif isinstance(layer, nn.Tanh):
            value = entrywise(arb.tanh, value)
            matrix = diagonal(entrywise(lambda y: 1 - y * y, value)) * matrix
    return value, matrix


def gated(case: Case, u: arb_mat) -> arb_mat:
    """M with J = M J_F + I."""
    channels, positions = case.x.shape[1:]
    broadcast = arb_mat(
        [[int(j == i // positions) for j in range(channels)] for i in range(channels * positions)]
    )
    pool = broadcast.transpose() * (arb(1) / positions)
    first, second = case.leaves["W_1"], case.leaves["W_2"]
    a = weight(first) * (pool * u) + column(first.bias)
    mask = diagonal(entrywise(_step, a))
    s = entrywise(lambda z: 1 / (1 + (-z).exp()), weight(second) * (mask * a) + column(second.bias))
    slopes = diagonal(entrywise(lambda y: y * (1 - y), s))
    return (
        diagonal(broadcast * s)
        + diagonal(u) * broadcast * slopes * weight(second) * mask * weight(first) * pool
    )


def _step(z: arb) -> arb:
    assert not z.contains(0), "a kink within 1e-30: draw another seed"
    return arb(1) if z > 0 else arb(0)


def weight(layer: nn.Linear) -> arb_mat:
    return arb_mat(layer.weight.tolist())


def column(values: Tensor) -> arb_mat:
    return arb_mat([[value] for value in values.flatten().tolist()])


def eye(n: int) -> arb_mat:
    return arb_mat([[int(i == j) for j in range(n)] for i in range(n)])


def diagonal(values: arb_mat) -> arb_mat:
    n = values.nrows()
    return arb_mat([[values[i, 0] if i == j else 0 for j in range(n)] for i in range(n)])


def entrywise(function: Callable[[arb], arb], values: arb_mat) -> arb_mat:
    return arb_mat([[function(values[i, 0])] for i in range(values.nrows())])


def length(values: arb_mat) -> arb:
    return sum((values[i, 0] ** 2 for i in range(values.nrows())), arb(0)).sqrt()
