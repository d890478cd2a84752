"""The slow twin of operators and spectra: known Jacobians, matrices and singular values."""

import pytest
import torch
from strategies import gaussian
from torch import nn
from twins import dense_twin

from numeric.operators.composed_operators import DiagonalOperator


def test_jacobian_of_an_affine_map_is_its_matrix():
    layer = nn.Linear(3, 5).double()
    matrices = dense_twin.jacobian(layer, gaussian(2, 3, seed=0))
    assert matrices.shape == (2, 5, 3)
    assert torch.equal(matrices, layer.weight.detach().expand(2, 5, 3))


def test_jacobian_of_a_pointwise_map_is_diagonal():
    x = gaussian(2, 2, 2, 1, seed=1)
    expected = torch.diag_embed(1 - x.tanh().square().flatten(1))
    assert torch.allclose(dense_twin.jacobian(torch.tanh, x), expected, rtol=1e-14, atol=0)


def test_jacobian_of_a_quadratic_map_is_known():
    x = gaussian(3, 4, seed=2)
    expected = 2 * x[:, None, :]
    assert torch.allclose(
        dense_twin.jacobian(lambda z: z.square().sum(1, keepdim=True), x), expected, rtol=1e-14
    )


@pytest.mark.parametrize("function", [lambda z: torch.ones(1, 2), lambda z: z.detach() * 2])
def test_jacobian_of_a_constant_is_zero(function):
    assert torch.equal(dense_twin.jacobian(function, torch.ones(1, 2)), torch.zeros(1, 2, 2))


def test_matrix_of_an_operator():
    diagonal = gaussian(2, 3, 2, seed=3)
    assert torch.equal(
        dense_twin.matrix(DiagonalOperator(diagonal)), torch.diag_embed(diagonal.flatten(1))
    )
    matrices = gaussian(2, 4, 3, seed=4)
    assert torch.allclose(dense_twin.matrix(dense_twin.MatrixOperator(matrices)), matrices)


def test_spectra_of_a_known_matrix():
    matrices = torch.tensor([[[0.0, 3.0], [0.0, 0.0]]])
    assert dense_twin.sigma_max(matrices).item() == pytest.approx(3)
    assert dense_twin.sigma_min_adjoint(matrices).item() == 0
    assert [value.item() for value in dense_twin.symmetric_extremes(matrices)] == pytest.approx(
        [-1.5, 1.5]
    )
    assert dense_twin.frobenius(matrices).item() == pytest.approx(3)


def test_sigma_min_adjoint_is_zero_for_tall_matrices_though_their_singular_values_are_not():
    tall = torch.tensor([[[2.0], [0.0]]])
    assert dense_twin.sigma_min_adjoint(tall).item() == 0
    assert dense_twin.sigma_min_adjoint(tall.mT).item() == pytest.approx(2)
