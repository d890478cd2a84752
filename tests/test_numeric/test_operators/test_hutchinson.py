"""Estimates of Frobenius norms: unbiased, with honest standard errors."""

import pytest
import torch
from strategies import gaussian
from twins import dense_twin
from twins.dense_twin import MatrixOperator

from derivations.errors import InputError
from numeric import JacobianOperator, frobenius


@pytest.mark.parametrize(("rows", "columns"), [(4, 7), (7, 4), (1, 5), (5, 1)])
def test_the_mean_square_is_unbiased(rows, columns):
    """4,000 products; the allowance is 5 standard errors."""
    matrices = gaussian(3, rows, columns, seed=1)
    found = frobenius(MatrixOperator(matrices), samples=4000, seed=2)
    assert (
        (found.value - dense_twin.frobenius(matrices)).abs() <= 5 * found.standard_error + 1e-12
    ).all()
    assert (found.standard_error <= 0.02 * found.value).all()


def test_two_standard_errors_cover_as_often_as_they_say():
    """500 estimates by 100 products each of one matrix: 95 ± 3 % within two standard errors."""
    matrix = gaussian(1, 8, 8, seed=3)
    found = frobenius(MatrixOperator(matrix.expand(500, -1, -1)), samples=100, seed=4)
    covered = (
        ((found.value - dense_twin.frobenius(matrix)).abs() <= 2 * found.standard_error)
        .double()
        .mean()
    )
    assert 0.92 <= covered <= 0.98


@pytest.mark.parametrize("samples", [2, 16])
def test_orthogonal_matrices_leave_no_error(samples):
    """‖Qz‖² = n for every z of signs."""
    matrix = torch.linalg.qr(gaussian(1, 6, 6, seed=5))[0]
    found = frobenius(MatrixOperator(matrix), samples=samples)
    assert torch.allclose(found.value, torch.tensor([6.0], dtype=torch.float64).sqrt())
    assert found.standard_error.item() <= 1e-12


def test_the_error_falls_as_one_over_the_root_of_the_samples():
    operator = MatrixOperator(gaussian(50, 6, 6, seed=6))
    few, many = frobenius(operator, samples=100), frobenius(operator, samples=1600)
    assert (few.standard_error / many.standard_error).median().item() == pytest.approx(4, rel=0.2)


def test_a_jacobian_is_estimated_and_repeats_with_its_seed():
    x = gaussian(3, 5, seed=7)
    operator = JacobianOperator(torch.nn.Linear(5, 4).double(), x)
    first, again, other = (frobenius(operator, samples=8, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.value, again.value)
    assert not torch.equal(first.value, other.value)


def test_a_sample_does_not_depend_on_its_companions():
    matrices = gaussian(3, 4, 5, seed=8)
    together, alone = frobenius(MatrixOperator(matrices)), frobenius(MatrixOperator(matrices[:1]))
    assert torch.allclose(together.value[:1], alone.value, rtol=1e-14)


def test_zero_is_estimated_without_error():
    found = frobenius(MatrixOperator(torch.zeros(2, 3, 3)))
    assert not found.value.any()
    assert not found.standard_error.any()


@pytest.mark.parametrize(("samples", "seed"), [(1, 0), (0, 0), (2.5, 0), (4, -1), (4, 1.5)])
def test_meaningless_settings_are_refused(samples, seed):
    with pytest.raises(InputError):
        frobenius(MatrixOperator(torch.ones(1, 2, 2)), samples=samples, seed=seed)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e-160, 1e160, 1e200, 1e290])
def test_operators_of_any_size_have_a_norm(size):
    """Of the samples of a batch each in its own scale."""
    matrices = gaussian(2, 4, 5, seed=1)
    plain = frobenius(MatrixOperator(matrices), seed=3)
    scaled = frobenius(MatrixOperator(torch.stack([size * matrices[0], matrices[1]])), seed=3)
    for one, other in ((scaled.value, plain.value), (scaled.standard_error, plain.standard_error)):
        assert one[0].item() == pytest.approx(size * other[0].item(), rel=1e-12)
        assert one[1].item() == pytest.approx(other[1].item(), rel=1e-12)
