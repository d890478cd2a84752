"""Krylov runs: their recurrences, orthonormal bases, restarts and noise."""

import pytest
import torch
from scipy.stats import beta, kstest
from strategies import DTYPES, gaussian
from torch import Tensor
from twins.dense_twin import MatrixOperator

from derivations.errors import InputError
from numeric.operators import krylov
from numeric.operators.composed_operators import DiagonalOperator
from numeric.operators.krylov import golub_kahan, lanczos
from numeric.operators.linear_operator import LinearOperator
from numeric.operators.spectra import sigma_max
from numeric.tolerances import tolerances


class Recorder(LinearOperator):
    """Passes products on and keeps the vectors that it was given: the Krylov bases."""

    def __init__(self, matrices: Tensor) -> None:
        self.operator, self.pushed, self.pulled = MatrixOperator(matrices), [], []
        super().__init__(
            (matrices.shape[2],),
            (matrices.shape[1],),
            matrices.shape[0],
            matrices.dtype,
            matrices.device,
        )

    def _push(self, v: Tensor) -> Tensor:
        self.pushed.append(v.clone())
        return self.operator.push(v)

    def _pull(self, u: Tensor) -> Tensor:
        self.pulled.append(u.clone())
        return self.operator.pull(u)

    @property
    def right(self) -> Tensor:  # (batch, n, k)
        return torch.stack(self.pushed, 2).double()

    @property
    def left(self) -> Tensor:  # (batch, m, k)
        return torch.stack(self.pulled, 2).double()


def assert_orthonormal(basis: Tensor, dtype: torch.dtype) -> None:
    gram = basis.mT @ basis
    assert (gram - torch.eye(gram.shape[1], dtype=torch.float64)).abs().max() <= 2 * tolerances(
        dtype
    ).breakdown


def spectrum(kind: str, m: int, n: int, seed: int = 0) -> Tensor:
    """(3, m, n) matrices with the singular values that the name says."""
    dense = gaussian(3, m, n, seed=seed)
    match kind:
        case "gaussian":
            return dense
        case "zero":
            return 0 * dense
        case "identity":
            return torch.eye(m, n, dtype=torch.float64).repeat(3, 1, 1)
        case "rank two":
            return gaussian(3, m, 2, seed=seed) @ gaussian(3, 2, n, seed=seed + 1)
        case "repeated":
            left, _, right = torch.linalg.svd(dense, full_matrices=False)
            return left * torch.tensor([3.0, 1.0, 0.5]).repeat(n)[: left.shape[2]] @ right
        case "ill-conditioned":
            return dense * torch.logspace(0, -14, n, dtype=torch.float64)
        case "one sample zero":
            dense[1] = 0
            return dense
        case "tiny":
            return 1e-28 * dense
        case "huge":
            return 1e12 * dense
    raise AssertionError(kind)


KINDS = [
    "gaussian",
    "zero",
    "identity",
    "rank two",
    "repeated",
    "ill-conditioned",
    "one sample zero",
    "tiny",
    "huge",
]
SHAPES = [(1, 1), (4, 1), (3, 3), (9, 6), (20, 20)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("m", "n"), SHAPES)
def test_a_full_bidiagonalization_has_all_singular_values_with_their_multiplicities(
    m, n, kind, dtype
):
    matrices = spectrum(kind, m, n).to(dtype)
    operator = Recorder(matrices)
    run = golub_kahan(operator, n, seed=1)
    expected = torch.linalg.svdvals(matrices.double())
    found = torch.linalg.svdvals(run.matrix())
    assert ((found - expected).abs() <= 4 * tolerances(dtype).rounding * expected[:, :1]).all()
    assert_orthonormal(operator.right, dtype)
    assert_orthonormal(operator.left, dtype)
    assert (
        (run.scale <= expected[:, 0] * (1 + 1e-5))
        & run.alpha.isfinite().all(1)
        & run.beta.isfinite().all(1)
    ).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [1, 4, 11])
def test_a_short_bidiagonalization_is_the_projection_on_its_bases(kind, steps, dtype):
    matrices = spectrum(kind, 30, 25).to(dtype)
    operator = Recorder(matrices)
    run = golub_kahan(operator, steps, seed=2)
    projected = operator.left.mT @ matrices.double() @ operator.right
    size = torch.linalg.matrix_norm(matrices.double(), 2)
    assert run.alpha.shape == run.beta.shape == (3, steps)
    assert (
        (projected - run.matrix()).abs().amax((1, 2)) <= 2 * tolerances(dtype).breakdown * size
    ).all()
    assert_orthonormal(operator.right, dtype)
    assert_orthonormal(operator.left, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "steps"), [(1, 1), (2, 2), (7, 7), (25, 1), (25, 9), (25, 25)])
def test_lanczos_is_the_projection_of_the_symmetric_part(kind, n, steps, dtype):
    matrices = spectrum(kind, n, n).to(dtype)
    operator = Recorder(matrices)
    run = lanczos(operator, steps, seed=3)
    symmetric = (matrices + matrices.mT).double() / 2
    projected = operator.right.mT @ symmetric @ operator.right
    size = torch.linalg.matrix_norm(matrices.double(), 2)
    assert (
        (projected - run.matrix()).abs().amax((1, 2)) <= 2 * tolerances(dtype).breakdown * size
    ).all()
    assert_orthonormal(operator.right, dtype)
    if steps == n:
        found, expected = torch.linalg.eigvalsh(run.matrix()), torch.linalg.eigvalsh(symmetric)
        assert ((found - expected).abs() <= 4 * tolerances(dtype).rounding * size[:, None]).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_left_basis_stays_orthonormal_over_many_ill_conditioned_steps(dtype):
    operator = Recorder(spectrum("ill-conditioned", 200, 150).to(dtype))
    golub_kahan(operator, 100, seed=0)
    assert_orthonormal(operator.left, dtype)
    assert_orthonormal(operator.right, dtype)


def test_the_augmented_matrix_has_plus_and_minus_the_singular_values():
    run = golub_kahan(MatrixOperator(spectrum("gaussian", 8, 6)), 6, seed=0)
    augmented = run.augmented()
    values = torch.linalg.svdvals(run.matrix())
    expected = torch.cat([-values, values.flip(1)], 1)
    assert augmented.off.shape == (3, 12)
    assert torch.allclose(torch.linalg.eigvalsh(augmented.matrix()), expected, atol=1e-12)


def test_breakdowns_are_marked_and_bounded():
    run = lanczos(DiagonalOperator(torch.ones(2, 5, dtype=torch.float64)), 3, seed=0)
    assert run.closed.all()
    assert (run.off <= 2 * tolerances(torch.float64).breakdown).all()
    assert torch.allclose(run.matrix(), torch.eye(3, dtype=torch.float64).expand(2, 3, 3))
    rank_two = golub_kahan(MatrixOperator(spectrum("rank two", 9, 8)), 8, seed=0)
    assert not rank_two.alpha_closed[:, :2].any()
    assert rank_two.alpha_closed[:, 2:].all()


def test_no_breakdown_is_reported_where_there_is_none():
    run = golub_kahan(MatrixOperator(spectrum("gaussian", 30, 25)), 10, seed=0)
    assert not run.alpha_closed.any()
    assert not run.beta_closed.any()
    assert not lanczos(MatrixOperator(spectrum("gaussian", 25, 25)), 10, seed=0).closed.any()


def test_steps_are_capped_at_the_dimension():
    assert golub_kahan(MatrixOperator(spectrum("gaussian", 9, 6)), 1000, seed=0).alpha.shape == (
        3,
        6,
    )
    assert lanczos(MatrixOperator(spectrum("gaussian", 6, 6)), 1000, seed=0).diagonal.shape == (
        3,
        6,
    )


def test_runs_repeat_with_their_seed_and_differ_between_seeds_and_samples():
    operator = MatrixOperator(spectrum("gaussian", 9, 9)[:1].repeat(2, 1, 1))
    first, again, other = (golub_kahan(operator, 3, seed=seed).alpha for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert (first != other).all()
    assert (first[0] != first[1]).all()


@pytest.mark.parametrize("kind", ["gaussian", "rank two", "one sample zero"])
def test_a_samples_run_does_not_depend_on_the_samples_after_it(kind):
    matrices = spectrum(kind, 9, 9)
    together, alone = (
        golub_kahan(MatrixOperator(part), 6, seed=4).matrix() for part in (matrices, matrices[:1])
    )
    assert torch.allclose(together[:1], alone, rtol=1e-10, atol=1e-12)


def test_starts_are_uniform_on_the_sphere():
    n, samples = 6, 4000
    diagonal = torch.zeros(samples, n, dtype=torch.float64)
    diagonal[:, 2] = 1
    overlaps = lanczos(DiagonalOperator(diagonal), 1, seed=0).diagonal[:, 0]
    assert kstest(overlaps.numpy(), beta(0.5, (n - 1) / 2).cdf).pvalue > 1e-3


def test_a_wide_operator_and_a_rectangular_symmetric_part_are_refused():
    wide = MatrixOperator(spectrum("gaussian", 3, 5))
    with pytest.raises(InputError, match="bidiagonalize its adjoint"):
        golub_kahan(wide, 2, seed=0)
    with pytest.raises(InputError, match="only equal shapes have a symmetric part"):
        lanczos(wide, 2, seed=0)


@pytest.mark.parametrize("run", [golub_kahan, lanczos])
def test_products_that_overflow_are_refused(run):
    operator = MatrixOperator(torch.full((3, 4, 4), 3e38))
    with pytest.raises(InputError, match=r"not finite|beyond the range"):
        run(operator, 3, seed=0)


def test_a_long_run_is_that_of_a_basis_stored_beforehand(monkeypatch):
    matrix = gaussian(2, 150, 150, seed=1)
    grown = golub_kahan(MatrixOperator(matrix), 150, seed=2)
    monkeypatch.setattr(krylov, "_USUAL", 150)
    stored = golub_kahan(MatrixOperator(matrix), 150, seed=2)
    assert torch.equal(grown.alpha, stored.alpha)
    assert torch.equal(grown.beta, stored.beta)


class Wide(LinearOperator):
    """The zero map of a space that no basis of which fits into memory."""

    def __init__(self) -> None:
        super().__init__((10**6,), (10**6,), 1, torch.float64, torch.device("cpu"))

    def _push(self, v):
        return v

    def _pull(self, u):
        return u


def test_steps_are_a_limit_and_take_memory_as_they_are_taken():
    """100,000 steps would be 800 GB; the identity is found in 4."""
    found = sigma_max(Wide(), steps=100_000, rtol=0.5)
    assert found.steps.item() <= 10


def test_a_basis_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(krylov, "_USUAL", 10**9)
    with pytest.raises(InputError, match=r"the Krylov basis of 1000000 steps takes 8.0e\+12"):
        golub_kahan(Wide(), 10**8, seed=0)
