"""Verified spectral norms: never below the twin in balls, tight, whatever the guess."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import gaussian
from twins.ball_norms import is_above

from derivations.errors import InputError
from numeric.certified import balls, matrix_norms
from numeric.certified.enclosed_tensors import Enclosed
from numeric.certified.matrix_norms import (
    complex_norm_upper,
    largest_norm_upper,
    spectral_norm_upper,
)


def graded(seed: int) -> torch.Tensor:
    rows, columns = 1 + seed % 7, 1 + seed % 5
    return gaussian(rows, columns, seed=seed) * 10.0 ** (8 * gaussian(rows, 1, seed=seed + 1))


KINDS = {
    "gaussian": lambda seed: gaussian(1 + seed % 9, 1 + seed % 4, seed=seed),
    "integers": lambda seed: gaussian(4, 5, seed=seed).mul(3).round() + 0.0,
    "rank one": lambda seed: gaussian(6, 1, seed=seed) @ gaussian(1, 6, seed=seed + 1),
    "graded": graded,
    "orthogonal": lambda seed: torch.linalg.qr(gaussian(5, 5, seed=seed))[0],
    "scaled identity": lambda seed: 0.1 * (1 + seed) * torch.eye(6, dtype=torch.float64),
    "tiny": lambda seed: gaussian(3, 3, seed=seed) * 1e-310,
    "huge": lambda seed: gaussian(3, 3, seed=seed) * 1e300,
    "subnormal": lambda seed: gaussian(4, 2, seed=seed) * 1e-322,
    "single precision": lambda seed: gaussian(4, 4, seed=seed).float(),
    "half precision": lambda seed: gaussian(3, 4, seed=seed).half(),
    "wide": lambda seed: gaussian(2, 40, seed=seed),
    "complex": lambda seed: torch.complex(
        gaussian(1 + seed % 5, 3, seed=seed), gaussian(1 + seed % 5, 3, seed=seed + 1)
    ),
    "complex rank one": lambda seed: (
        torch.complex(gaussian(5, 1, seed=seed), gaussian(5, 1, seed=seed + 1))
        @ (gaussian(1, 3, seed=seed + 2) * (0.1 + 0.7j))
    ),
}


def bounded(matrices: torch.Tensor) -> torch.Tensor:
    return (
        complex_norm_upper(matrices.real, matrices.imag)
        if matrices.is_complex()
        else spectral_norm_upper(matrices)
    )


def violations(kind: str, seeds: int) -> int:
    count = 0
    for seed in range(seeds):
        matrix = KINDS[kind](seed)
        count += not is_above(bounded(matrix[None]).item(), matrix)
    return count


@pytest.mark.parametrize("kind", KINDS)
def test_norms_are_bounded_without_slack(kind):
    assert violations(kind, seeds=100) == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_norms_are_bounded_without_slack(kind):
    assert violations(kind, seeds=2000) == 0


def test_norms_in_floating_point_are_no_bounds():
    """Negative control: what LAPACK takes for the norm is too small about every second time."""
    drawn = [KINDS["gaussian"](seed) for seed in range(100)]
    assert (
        sum(not is_above(torch.linalg.matrix_norm(matrix, 2).item(), matrix) for matrix in drawn)
        > 10
    )


def test_without_the_rounding_terms_norms_are_not_bounded(monkeypatch):
    """The guess leaves room of its own, so it must go, too."""
    monkeypatch.setattr(balls, "UNIT", 0.0)
    monkeypatch.setattr(balls, "TINY", 0.0)
    monkeypatch.setattr("numeric.certified.matrix_norms._ATTEMPTS", 0)
    assert violations("rank one", seeds=100) > 0


@pytest.mark.parametrize("factor", [1, 1j], ids=["real", "complex"])
@pytest.mark.parametrize(("size", "allowed"), [(1, 1e-14), (8, 1e-12), (64, 1e-11), (300, 1e-10)])
def test_norms_are_tight(size, allowed, factor):
    matrices = gaussian(2, size, size + 1, seed=size) * factor
    found, truth = bounded(matrices), torch.linalg.svdvals(matrices)[:, 0]
    assert (found >= truth).all()
    assert (found <= (1 + allowed) * truth).all()


@given(st.integers(0, 1000), st.floats(0, 10))
def test_every_error_within_reach_is_covered(seed, size):
    matrix, change = gaussian(4, 3, seed=seed), gaussian(4, 3, seed=seed + 1)
    change = size * change / torch.linalg.matrix_norm(change, 2)
    found = spectral_norm_upper(
        matrix[None], torch.tensor([size * (1 + 1e-12)], dtype=torch.float64)
    ).item()
    assert found >= torch.linalg.matrix_norm(matrix + change, 2).item() * (1 - 1e-14)
    assert found <= torch.linalg.matrix_norm(matrix, 2).item() + size + 1e-9


def test_each_matrix_of_a_batch_has_its_own_norm():
    matrices = gaussian(3, 4, 4, seed=0)
    alone = torch.cat([spectral_norm_upper(matrix[None]) for matrix in matrices])
    assert torch.allclose(spectral_norm_upper(matrices), alone, rtol=1e-12)


def batches() -> dict[str, torch.Tensor]:
    """Complex matrices of a batch: alike, of many sizes, and with a largest that power iteration
    hardly finds, as others are nearly as large.
    """
    alike = torch.complex(gaussian(30, 6, 4, seed=1), gaussian(30, 6, 4, seed=2))
    sizes = torch.logspace(-200, 0, 30, dtype=torch.float64)
    crowded = torch.linalg.qr(
        torch.complex(gaussian(9, 40, 40, seed=3), gaussian(9, 40, 40, seed=4))
    )
    spectrum = 1 - torch.linspace(0, 1, 40, dtype=torch.float64) / 500
    return {
        "alike": alike,
        "of many sizes": alike * sizes[:, None, None],
        "crowded": crowded[0] * spectrum @ crowded[0].mH,
        "one": alike[:1],
        "zeros": 0 * alike,
    }


@pytest.mark.parametrize("kind", batches())
@pytest.mark.parametrize("error", [0.0, 0.25])
def test_the_largest_norm_of_a_batch_is_bounded_as_each_is(kind, error):
    matrices = batches()[kind]
    errors = torch.full((len(matrices),), error, dtype=torch.float64)
    each = complex_norm_upper(matrices.real, matrices.imag, errors)
    largest = largest_norm_upper(matrices.real, matrices.imag, errors)
    exact = torch.linalg.matrix_norm(matrices, 2).max().item() + error
    assert exact * (1 - 1e-14) <= largest <= exact * (1 + 1e-9) + 1e-300
    assert largest == pytest.approx(each.max().item(), rel=1e-9, abs=1e-300)
    if error == 0:
        assert all(is_above(largest, matrix) for matrix in matrices[:3])


def test_where_no_guess_is_proved_the_frobenius_norm_remains(monkeypatch):
    monkeypatch.setattr("numeric.certified.matrix_norms._ATTEMPTS", 0)
    matrix = gaussian(1, 4, 4, seed=0)
    assert torch.allclose(spectral_norm_upper(matrix), torch.linalg.matrix_norm(matrix), rtol=1e-14)


@pytest.mark.parametrize("kind", ["random", "few values", "one value"])
def test_large_matrices_are_guessed_by_steps_and_bounded_all_the_same(monkeypatch, kind):
    monkeypatch.setattr(matrix_norms, "LARGE", 8)
    matrix = {
        "random": gaussian(300, 300, seed=1),
        "few values": torch.diag(torch.tensor([3.0, 3.0, 2.0, 1.0] * 4).double()),
        "one value": torch.eye(40, dtype=torch.float64),
    }[kind]
    for each in (matrix, torch.complex(matrix, 0 * matrix)):
        found = matrix_norms._norms_upper(each[None], None).item()
        assert is_above(found, each)
        assert found <= torch.linalg.matrix_norm(each, 2).item() * (1 + 1e-8)


def test_a_matrix_within_radii_is_bounded_with_them():
    for rad in (0.0, 1e-14, 1e-3, 2.0):
        matrix = Enclosed(gaussian(7, 5, seed=1), rad * gaussian(7, 5, seed=2).abs())
        found = matrix_norms.enclosed_norm_upper(matrix)
        for seed in range(20):
            drawn = matrix.mid + matrix.rad * gaussian(7, 5, seed=seed).sign()
            assert is_above(found, drawn)
        most = sum(torch.linalg.matrix_norm(each, 2).item() for each in (matrix.mid, matrix.rad))
        assert found <= most * (1 + 1e-9)


def test_a_wrong_guess_does_not_pass(monkeypatch):
    """An eigenvalue routine that lies costs tightness, never soundness."""
    real = torch.linalg.eigvalsh
    monkeypatch.setattr(torch.linalg, "eigvalsh", lambda gram: 0.5 * real(gram))
    matrix = gaussian(1, 6, 6, seed=0)
    assert spectral_norm_upper(matrix) >= torch.linalg.svdvals(matrix)[:, 0]


@pytest.mark.parametrize("guess", [0.5, 1.0])
@pytest.mark.parametrize("factor", [0.0, 0.5, 1.1])
def test_a_wrong_factor_does_not_pass(monkeypatch, factor, guess):
    """Nor do routines that lie together."""
    eigenvalues, cholesky = torch.linalg.eigvalsh, torch.linalg.cholesky_ex

    def lying(matrices):
        found, failed = cholesky(matrices)
        return factor * found, torch.zeros_like(failed)

    monkeypatch.setattr(torch.linalg, "eigvalsh", lambda gram: guess * eigenvalues(gram))
    monkeypatch.setattr(torch.linalg, "cholesky_ex", lying)
    matrices = torch.cat(
        [gaussian(20, 6, 6, seed=0), torch.eye(6, dtype=torch.float64).expand(1, 6, 6)]
    )
    assert (spectral_norm_upper(matrices) >= torch.linalg.svdvals(matrices)[:, 0]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex128])
def test_zero_has_norm_zero(dtype):
    zero = torch.zeros(2, 3, 2, dtype=dtype)
    assert bounded(zero).tolist() == [0, 0]
    assert spectral_norm_upper(zero.real, torch.tensor([0.5, 0], dtype=torch.float64)).tolist() == [
        pytest.approx(0.5, rel=1e-14),
        0,
    ]


@pytest.mark.parametrize(
    "error",
    [
        torch.tensor([-1.0]),
        torch.tensor([torch.nan]),
        torch.tensor([torch.inf]),
        torch.zeros(2),
        torch.zeros(()),
    ],
)
def test_an_error_that_is_no_norm_is_refused(error):
    with pytest.raises(InputError):
        spectral_norm_upper(torch.ones(1, 2, 2), error)


@pytest.mark.parametrize(
    "matrices",
    [
        torch.full((1, 2, 2), torch.nan),
        torch.full((1, 2, 2), -torch.inf),
        torch.zeros(1, 0, 2),
        torch.zeros(0, 2, 2),
        torch.zeros(2, 2),
        torch.zeros(1, 2, 2, dtype=torch.int64),
        torch.zeros(1, 2, 2, dtype=torch.bool),
        torch.zeros(1, 2, 2, dtype=torch.complex128),
        torch.zeros(1, 2, 2, device="meta"),
        torch.full((1, 2, 2), 1.7e308, dtype=torch.float64),
    ],
)
def test_what_has_no_norm_is_refused(matrices):
    with pytest.raises(InputError):
        spectral_norm_upper(matrices)
