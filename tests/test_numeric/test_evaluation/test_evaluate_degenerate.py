"""Odd but legal blocks: one number, no rank, no Jacobian, signals near the ends of the floats."""

import pytest
import torch
from strategies import gaussian
from torch import Tensor, nn
from twins import dense_twin

from derivations.algebra.blocks import block
from numeric import (
    JacobianOperator,
    evaluate,
    singular_extremes,
    symmetric_extremes,
)
from numeric.tolerances import tolerances

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
BRANCHES = {
    "one number": torch.tensor([[-0.7]], dtype=torch.float64),
    "zero": torch.zeros(4, 4, dtype=torch.float64),
    "rank one": torch.outer(gaussian(4, seed=1), gaussian(4, seed=2)),
    "a zero row and column": torch.diag(torch.tensor([3.0, 0.0, -2.0, 1e-3], dtype=torch.float64)),
    "minus the identity": -torch.eye(4, dtype=torch.float64),
    "nilpotent": torch.diag(torch.ones(3, dtype=torch.float64), 1),
    "huge": 1e15 * gaussian(4, 4, seed=3),
    "tiny": 1e-15 * gaussian(4, 4, seed=3),
}
BLOCKS = pytest.mark.parametrize("name", ["plain", "residual", "dense"])


def linear(matrix: Tensor, dtype: torch.dtype) -> nn.Module:
    layer = nn.Linear(*matrix.T.shape, bias=False)
    layer.weight = nn.Parameter(matrix.clone(), requires_grad=False)
    return layer.to(dtype)


def explicit(name: str, matrix: Tensor) -> Tensor:
    """The block's Jacobian, in float64."""
    identity = torch.eye(len(matrix), dtype=torch.float64)
    return {"plain": matrix, "residual": matrix + identity, "dense": torch.cat((matrix, identity))}[
        name
    ]


@BLOCKS
@DTYPES
@pytest.mark.parametrize("branch", BRANCHES)
@pytest.mark.parametrize("batch", [1, 3])
def test_blocks_with_degenerate_branches_have_the_gain_of_their_matrix(name, branch, dtype, batch):
    layer = linear(BRANCHES[branch], dtype)
    jacobian = explicit(name, layer.weight.double())
    x, g = (
        gaussian(batch, size, seed=size, dtype=dtype)
        for size in (len(BRANCHES[branch]), len(jacobian))
    )
    numbers = evaluate(block(name).term, {"F": layer}, x, g)
    gain = (g.double() @ jacobian).norm(dim=1) / g.double().norm(dim=1)
    allowed = tolerances(dtype).identity * max(1.0, BRANCHES[branch].norm().item())
    assert ((numbers.gain.double() - gain).abs() <= allowed).all()
    for bound in numbers.bounds:
        slack = allowed + 1e-6 * bound.value.double().abs()
        held = (
            bound.value.double() - gain <= slack
            if bound.side == "lower"
            else gain - bound.value.double() <= slack
        )
        assert held.all(), bound


@DTYPES
@pytest.mark.parametrize("branch", BRANCHES)
def test_spectra_of_degenerate_matrices_enclose_those_of_the_dense_twin(branch, dtype):
    layer = linear(BRANCHES[branch], dtype)
    operator = JacobianOperator(layer, gaussian(2, len(BRANCHES[branch]), seed=0, dtype=dtype))
    matrices = layer.weight.double().expand(2, -1, -1)
    found = (*singular_extremes(operator), *symmetric_extremes(operator))
    exact = (
        dense_twin.sigma_min_adjoint(matrices),
        dense_twin.sigma_max(matrices),
        *dense_twin.symmetric_extremes(matrices),
    )
    slack = 1e-14 * dense_twin.frobenius(matrices)
    for enclosure, value in zip(found, exact, strict=True):
        assert ((enclosure.low <= value + slack) & (value - slack <= enclosure.high)).all()
        assert (
            enclosure.high - enclosure.low
            <= 2000 * tolerances(dtype).eps * dense_twin.frobenius(matrices)
        ).all()


@BLOCKS
@DTYPES
@pytest.mark.parametrize("power", [-1, 1])
def test_signals_near_the_ends_of_the_floats_have_the_same_gain(name, dtype, power):
    """Powers of two, so that scaling rounds nothing: 2^±100 in float32, whose squares it cannot
    hold, 2^±900 in float64.
    """
    scale = 2.0 ** (power * (100 if dtype == torch.float32 else 900))
    branch = nn.Sequential(linear(gaussian(4, 4, seed=3), dtype), nn.Tanh())
    x, g = (
        gaussian(3, 4, seed=1, dtype=dtype),
        gaussian(3, 8 if name == "dense" else 4, seed=2, dtype=dtype),
    )
    plain, scaled = (evaluate(block(name).term, {"F": branch}, x, by * g) for by in (1.0, scale))
    assert torch.allclose(scaled.gain, plain.gain, rtol=tolerances(dtype).identity)
    assert torch.equal(scaled.pullback, scale * plain.pullback)
    for one, other in zip(scaled.bounds, plain.bounds, strict=True):
        assert torch.allclose(one.value, other.value, rtol=tolerances(dtype).identity), one.id


@DTYPES
def test_zero_vectors_are_legal_and_give_zero(dtype):
    operator = JacobianOperator(
        linear(gaussian(3, 4, seed=1), dtype), gaussian(2, 4, seed=2, dtype=dtype)
    )
    assert not operator.push(torch.zeros(2, 4, dtype=dtype)).any()
    assert not operator.pull(torch.zeros(2, 3, dtype=dtype)).any()
