"""What a random start can have missed: failure rates, and the bound known before the run."""

import math

import pytest
import torch
from scipy.special import betainc
from scipy.stats import binom

from numeric.operators.composed_operators import DiagonalOperator
from numeric.operators.krylov import Tridiagonal, golub_kahan, lanczos
from numeric.operators.random_start import least_overlap, outer_gap

ONE = torch.ones(1, dtype=torch.int64)


def falls_short(dim: int, overlap: float) -> float:
    """P(|⟨x, q⟩| < overlap) for q uniform on the sphere of ℝ^dim."""
    return betainc(0.5, (dim - 1) / 2, overlap**2)


@pytest.mark.parametrize("dim", [2, 3, 50, 10_000, 10_000_000])
@pytest.mark.parametrize("delta", [0.5, 0.01, 1e-6, 1e-12, 1e-30])
def test_one_start_falls_short_with_half_of_delta(dim, delta):
    assert falls_short(dim, least_overlap(dim, delta, ONE).item()) == pytest.approx(
        delta / 2, rel=1e-6
    )


@pytest.mark.parametrize("starts", [2, 5, 40])
def test_several_starts_fall_short_together_with_their_share_of_delta(starts):
    overlap = least_overlap(100, 1e-6, starts * ONE).item()
    assert falls_short(100, overlap) ** starts == pytest.approx(1e-6 / 2**starts, rel=1e-6)


def test_the_shares_of_delta_sum_to_no_more_than_delta():
    total = sum(falls_short(30, least_overlap(30, 0.1, r * ONE).item()) ** r for r in range(1, 60))
    assert total == pytest.approx(0.1)


def test_in_one_dimension_nothing_is_missed():
    assert least_overlap(1, 1e-6, ONE).item() == 1


SPECTRA = {
    "uniform": torch.linspace(0, 1, 60, dtype=torch.float64),
    "crowded at the ends": (1 - torch.cos(torch.linspace(0, math.pi, 60, dtype=torch.float64))) / 2,
    "one far": torch.cat(
        [torch.linspace(0, 0.5, 59, dtype=torch.float64), torch.ones(1, dtype=torch.float64)]
    ),
    "one above many": torch.cat(
        [0.9 * torch.ones(59, dtype=torch.float64), torch.ones(1, dtype=torch.float64)]
    ),
}
TRIALS, DELTA = 2000, 0.2


def growth_before_run(overlap: torch.Tensor, steps: int) -> torch.Tensor:
    """σ_max over its Ritz value after k steps is at most cosh(arcosh(1/τ)/(2k−1)) where |⟨x, q₁⟩| ≥
    τ.

    The proof of Kuczyński & Woźniakowski 1992: let p of degree k−1 satisfy s p = T_{2k−1}(s) at s²
    = 1 − λ/((1−ε)σ²). If the Rayleigh quotient of p(JᵀJ)q₁ is below (1−ε)σ², then |⟨x, q₁⟩|
    cosh((2k−1) artanh √ε) < 1.
    """
    return (overlap.reciprocal().acosh() / (2 * steps - 1)).cosh()


@pytest.mark.parametrize("dim", [8, 100, 5000])
@pytest.mark.parametrize("steps", [1, 3, 10, 40])
@pytest.mark.parametrize("error", [0.01, 0.1, 0.5])
def test_the_bound_before_the_run_is_the_published_one(dim, steps, error):
    """Kuczyński & Woźniakowski's probability 1.648 √n exp(−√ε(2k−1)) is not exceeded, and reached
    within a third while it is small.
    """
    published = 1.648 * math.sqrt(dim) * math.exp(-math.sqrt(error) * (2 * steps - 1))
    overlap = 1 / math.cosh((2 * steps - 1) * math.atanh(math.sqrt(error)))
    assert growth_before_run(
        torch.tensor(overlap, dtype=torch.float64), steps
    ).item() ** -2 == pytest.approx(1 - error)
    assert falls_short(dim, overlap) <= min(published, 1)
    if error == 0.01 and published < 0.1:
        assert falls_short(dim, overlap) >= published / 3


@pytest.mark.parametrize("steps", [1, 2, 5, 12])
@pytest.mark.parametrize("name", SPECTRA)
def test_the_bound_before_the_run_holds_and_the_gap_after_it_is_never_looser(name, steps):
    run = golub_kahan(DiagonalOperator(SPECTRA[name].sqrt().expand(TRIALS, -1)), steps, seed=steps)
    ritz = torch.linalg.svdvals(run.matrix())[:, 0]
    matrix, overlap = run.augmented(), least_overlap(60, DELTA, torch.ones(TRIALS))
    before = ritz * (growth_before_run(overlap, steps) - 1)
    assert (ritz + before < 1 - 1e-12).sum() <= binom.ppf(1 - 1e-6, TRIALS, DELTA / 2)
    after = outer_gap(
        matrix,
        ritz,
        +1,
        torch.full_like(ritz, 1e-13),
        matrix.off.amax(1) / overlap,
        overlap,
        stride=2,
    )
    single = ~matrix.closed[:, :-1].any(1)
    assert single.any() or name == "one above many"
    assert (after <= before)[single].all()


@pytest.mark.parametrize("side", [+1, -1])
@pytest.mark.parametrize("steps", [1, 2, 5, 12])
@pytest.mark.parametrize("name", SPECTRA)
def test_the_gap_after_the_run_fails_no_more_often_than_half_of_delta(name, steps, side):
    run = lanczos(DiagonalOperator(side * SPECTRA[name].expand(TRIALS, -1)), steps, seed=steps)
    edge = torch.linalg.eigvalsh(run.matrix())[:, -1 if side > 0 else 0]
    overlap = least_overlap(60, DELTA, 1 + run.closed[:, :-1].sum(1))
    gap = outer_gap(
        run, edge, side, torch.full_like(edge, 1e-13), run.off.amax(1) / overlap, overlap
    )
    assert (gap >= 0.99e-13).all()
    assert (side * edge + gap < 1 - 1e-12).sum() <= binom.ppf(1 - 1e-6, TRIALS, DELTA / 2)


def test_the_gap_is_attained():
    """One eigenvalue 1, the others 0, one step: it is missed exactly where |⟨x, q⟩| < τ, so the
    failures are binomial with δ/2.
    """
    diagonal = torch.zeros(4000, 20, dtype=torch.float64)
    diagonal[:, 0] = 1
    run = lanczos(DiagonalOperator(diagonal), 1, seed=0)
    overlap = least_overlap(20, DELTA, torch.ones(4000))
    gap = outer_gap(
        run,
        run.diagonal[:, 0],
        +1,
        torch.full((4000,), 1e-13, dtype=torch.float64),
        run.off[:, 0] / overlap,
        overlap,
    )
    exact = run.off[:, 0] * (overlap**-2 - 1).sqrt()
    assert ((gap >= exact * (1 - 1e-9)) & (gap <= exact * 1.03)).all()
    failures = ((run.diagonal[:, 0] + gap) < 1).sum().item()
    assert (
        binom.ppf(1e-6, 4000, 0.8 * DELTA / 2) <= failures <= binom.ppf(1 - 1e-6, 4000, DELTA / 2)
    )


def test_the_gap_is_at_most_what_is_known_and_at_least_what_is_asked():
    run = lanczos(DiagonalOperator(gaussian_diagonal()), 5, seed=0)
    edge, overlap = (
        torch.linalg.eigvalsh(run.matrix())[:, -1],
        least_overlap(30, 1e-6, torch.ones(3)),
    )
    small, large = (
        torch.full((3,), 1e-3, dtype=torch.float64),
        torch.full((3,), 1e3, dtype=torch.float64),
    )
    assert torch.allclose(outer_gap(run, edge, +1, small, 2 * small, overlap), 2 * small)
    assert torch.allclose(outer_gap(run, edge, +1, large, 2 * large, overlap), large)


def chain(off: list[float], closed: list[bool]) -> Tridiagonal:
    """A recurrence around zero with these couplings."""
    couplings = torch.tensor([off], dtype=torch.float64)
    return Tridiagonal(
        torch.zeros_like(couplings), couplings, torch.tensor([closed]), torch.ones(1)
    )


TAU = 0.01
ROOT = math.sqrt(TAU**-2 - 1)  # where 1 + x² reaches 1/τ²


@pytest.mark.parametrize(
    ("matrix", "stride", "expected"),
    [
        (chain([3.0], [False]), 1, 3 * ROOT),
        (chain([3.0], [True]), 1, 3 / TAU),
        (chain([3.0, 0.1], [True, False]), 1, 3 / TAU),
        (chain([0.1, 3.0], [True, False]), 1, 3 * ROOT),
        (chain([0.1, 3.0, 0.2], [True, True, False]), 1, 3 / TAU),
        (chain([0.1, 0.2, 3.0], [True, True, True]), 1, 3 / TAU),
        # p₁ = x/2 is not summed: 1 + ((x²/2 − 2)/3)² = 1/τ²
        (chain([2.0, 3.0], [False, False]), 2, math.sqrt(2 * (3 * ROOT + 2))),
        # p₁ = x/3 closes the first block; p₂ = x/0.1 starts and ends the second, on the other side
        (chain([3.0, 0.1], [True, True]), 2, 3 / TAU),
    ],
)
def test_the_gap_of_a_known_recurrence(matrix, stride, expected):
    """A point is possible as long as one start's polynomials stay below 1/τ² there."""
    one = torch.ones(1, dtype=torch.float64)
    gap = outer_gap(matrix, 0 * one, +1, 1e-9 * one, 1e9 * one, TAU * one, stride).item()
    assert expected * (1 - 1e-9) <= gap <= expected * 1.03


def test_polynomials_beyond_the_range_of_floats_exclude_their_points():
    one = torch.ones(1, dtype=torch.float64)
    gap = outer_gap(
        chain([1e-3] * 200, [False] * 200), 2e-3 * one, +1, 1e-12 * one, 1e6 * one, 1e-8 * one
    ).item()
    assert 0 < gap < 1e-5


def gaussian_diagonal():
    return torch.randn(3, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
