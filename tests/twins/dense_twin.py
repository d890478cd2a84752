"""Forms Jacobians entry by entry: the slow twin that the fast paths are tested against.

Shares no code with `numeric.operators` beyond the operator interface. Never imports a term.
"""

import torch
from torch import Tensor

from numeric.checks import Function
from numeric.operators.linear_operator import LinearOperator


def jacobian(function: Function, x: Tensor) -> Tensor:  # (batch, *in) -> (batch, m, n)
    """∂f/∂x of every sample, evaluated alone, one output entry at a time."""
    return torch.stack([_sample_jacobian(function, sample) for sample in x.detach().split(1)])


def _sample_jacobian(function: Function, sample: Tensor) -> Tensor:  # (1, *in) -> (m, n)
    leaf = sample.clone().requires_grad_()
    with torch.enable_grad():
        outputs = function(leaf.clone()).flatten()
        rows = [
            torch.autograd.grad(
                output, leaf, retain_graph=True, allow_unused=True, materialize_grads=True
            )[0].flatten()
            if output.requires_grad
            else torch.zeros(leaf.numel()).to(leaf)
            for output in outputs
        ]
    return torch.stack(rows)


def matrix(operator: LinearOperator) -> Tensor:  # -> (batch, m, n)
    """The matrix of an operator, column by column from its products with the unit vectors."""
    units = torch.eye(operator.in_dim, dtype=operator.dtype, device=operator.device)
    shape = (operator.batch, *operator.in_shape)
    columns = [
        operator.push(unit.expand(operator.batch, -1).reshape(shape)).reshape(operator.batch, -1)
        for unit in units
    ]
    return torch.stack(columns, 2)


class MatrixOperator(LinearOperator):
    """The operator of explicit matrices (batch, m, n), on vectors (batch, n)."""

    def __init__(self, matrices: Tensor) -> None:
        self.matrices = matrices
        super().__init__(
            (matrices.shape[2],),
            (matrices.shape[1],),
            matrices.shape[0],
            matrices.dtype,
            matrices.device,
        )

    def _push(self, v: Tensor) -> Tensor:
        return torch.einsum("bmn,bn->bm", self.matrices, v)

    def _pull(self, u: Tensor) -> Tensor:
        return torch.einsum("bmn,bm->bn", self.matrices, u)


def sigma_max(matrices: Tensor) -> Tensor:  # (batch, m, n) -> (batch,)
    """The largest singular value, in float64."""
    return torch.linalg.svdvals(matrices.double())[:, 0]


def sigma_min_adjoint(matrices: Tensor) -> Tensor:  # (batch, m, n) -> (batch,)
    """min over unit u of ‖Jᵀu‖, in float64: 0 when m > n, where svdvals would end with σ_n."""
    if matrices.shape[1] > matrices.shape[2]:
        return torch.zeros(matrices.shape[0], dtype=torch.float64, device=matrices.device)
    return torch.linalg.svdvals(matrices.double())[:, -1]


def symmetric_extremes(
    matrices: Tensor,
) -> tuple[Tensor, Tensor]:  # (batch, n, n) -> (batch,), (batch,)
    """The least and the largest eigenvalue of (J + Jᵀ)/2, in float64."""
    values = torch.linalg.eigvalsh((matrices + matrices.mT).double() / 2)
    return values[:, 0], values[:, -1]


def frobenius(matrices: Tensor) -> Tensor:  # (batch, m, n) -> (batch,)
    """‖J‖_F, in float64."""
    return torch.linalg.matrix_norm(matrices.double())
