"""What every operator must do: the harness that tests of operators share."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from strategies import gaussian
from torch import Tensor
from twins import dense_twin

from numeric.operators.linear_operator import LinearOperator
from numeric.operators.vector_norms import inner, norm
from numeric.tolerances import tolerances

BATCH = 2
IMAGE = (4, 5, 5)


def random_vectors(operator: LinearOperator, seed: int = 0) -> tuple[Tensor, Tensor]:
    """v in the operator's input space and u in its output space."""
    v = gaussian(operator.batch, *operator.in_shape, seed=seed, dtype=operator.dtype)
    return v, gaussian(operator.batch, *operator.out_shape, seed=seed + 1, dtype=operator.dtype)


def assert_adjoint(operator: LinearOperator, seed: int = 0) -> None:
    """⟨Jv, u⟩ = ⟨v, Jᵀu⟩ up to rounding, with products of the right shape and dtype."""
    v, u = random_vectors(operator, seed)
    pushed, pulled = operator.push(v), operator.pull(u)
    assert (pushed.shape, pushed.dtype, pushed.requires_grad) == (u.shape, u.dtype, False)
    assert (pulled.shape, pulled.dtype, pulled.requires_grad) == (v.shape, v.dtype, False)
    sizes = norm(pushed) * norm(u) + norm(v) * norm(pulled)
    assert (
        (inner(pushed, u) - inner(v, pulled)).abs() <= tolerances(operator.dtype).adjoint * sizes
    ).all()


def assert_equals_matrices(
    operator: LinearOperator, matrices: Tensor, seed: int = 0, reach: Tensor | None = None
) -> None:
    """The operator's products agree with those of (batch, m, n) matrices.

    `reach` is what their entries add up where that is more than the entries: rounding is relative
    to it where they cancel.
    """
    v, u = random_vectors(operator, seed)
    allowed = tolerances(operator.dtype).identity * dense_twin.frobenius(
        matrices if reach is None else torch.maximum(matrices.abs(), reach)
    )
    pushed = torch.einsum("bmn,bn->bm", matrices, v.flatten(1)).view_as(u)
    pulled = torch.einsum("bmn,bm->bn", matrices, u.flatten(1)).view_as(v)
    assert (norm(operator.push(v) - pushed) <= allowed * norm(v)).all()
    assert (norm(operator.pull(u) - pulled) <= allowed * norm(u)).all()


@dataclass(frozen=True)
class Case:
    """An operator on `BATCH` samples, or on some of them, and its matrices (batch, m, n) by another
    way.
    """

    of: Callable[[torch.dtype, slice], LinearOperator]
    matrices: Callable[[torch.dtype], Tensor]


def assert_samples_are_treated_alone(case: Case, dtype: torch.dtype) -> None:
    """A sample's products are those of the operator of that sample alone; a zero one stays zero."""
    together, matrices = case.of(dtype, slice(None)), case.matrices(dtype)
    v, u = random_vectors(together)
    for i in range(BATCH):
        one = slice(i, i + 1)
        alone, sizes = (
            case.of(dtype, one),
            dense_twin.frobenius(matrices[one]),
        )
        for product, single, vector in (
            (together.push, alone.push, v),
            (together.pull, alone.pull, u),
        ):
            whole, part = product(vector), single(vector[one])
            assert (
                norm(whole[one] - part) <= tolerances(dtype).identity * sizes * norm(vector[one])
            ).all()
            silent = vector.clone()
            silent[one] = 0
            assert not product(silent)[one].any()


def assert_agrees_with_its_matrices(case: Case, dtype: torch.dtype) -> None:
    """It has their sizes and products, and is adjoint."""
    operator, matrices = case.of(dtype, slice(None)), case.matrices(dtype)
    assert (operator.batch, operator.dtype) == (BATCH, dtype)
    assert (operator.out_dim, operator.in_dim) == matrices.shape[1:]
    assert_adjoint(operator)
    assert_equals_matrices(operator, matrices)
