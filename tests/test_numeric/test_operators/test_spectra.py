"""Enclosures of spectra contain the dense truth, fail as rarely as stated, and are tight."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from strategies import DTYPES, drawn_blocks, gaussian
from twins import dense_twin
from twins.dense_twin import MatrixOperator

from derivations.errors import InputError
from numeric.operators.composed_operators import Adjoint, DiagonalOperator, IdentityOperator, Scaled
from numeric.operators.jacobian_operator import JacobianOperator
from numeric.operators.ritz_ends import Enclosure
from numeric.operators.spectra import (
    sigma_max,
    sigma_min_adjoint,
    singular_extremes,
    symmetric_extremes,
)
from numeric.tolerances import tolerances


def assert_encloses(enclosure: Enclosure, truth: torch.Tensor) -> None:
    assert enclosure.low.dtype == enclosure.high.dtype == torch.float64
    assert enclosure.low.shape == enclosure.high.shape == enclosure.residual.shape == truth.shape
    assert (enclosure.residual >= 0).all()
    assert ((enclosure.low <= truth) & (truth <= enclosure.high)).all(), (enclosure, truth)


def assert_all_enclosed(operator, matrices: torch.Tensor, **settings) -> list[Enclosure]:
    """Checks every enclosure of `operator` against the dense truth, and returns them."""
    least, greatest = singular_extremes(operator, **settings)
    enclosures = [least, greatest]
    assert_encloses(least, dense_twin.sigma_min_adjoint(matrices))
    assert_encloses(greatest, dense_twin.sigma_max(matrices))
    assert (least.low >= 0).all()
    assert (greatest.low >= 0).all()
    if operator.in_shape == operator.out_shape:
        for enclosure, truth in zip(
            symmetric_extremes(operator, **settings),
            dense_twin.symmetric_extremes(matrices),
            strict=True,
        ):
            assert_encloses(enclosure, truth)
            enclosures.append(enclosure)
    return enclosures


def family(kind: str, m: int, n: int, seed: int = 0) -> torch.Tensor:
    """(4, m, n) float64 matrices."""
    dense_part = gaussian(4, m, n, seed=seed)
    left, _, right = torch.linalg.svd(dense_part, full_matrices=False)
    eye = torch.eye(m, n, dtype=torch.float64).repeat(4, 1, 1)
    return {
        "gaussian": lambda: dense_part,
        "zero": lambda: 0 * dense_part,
        "identity": lambda: eye,
        "minus identity": lambda: -eye,
        "residual": lambda: eye + 0.3 / math.sqrt(n) * dense_part,
        "rank one": lambda: gaussian(4, m, 1, seed=seed) @ gaussian(4, 1, n, seed=seed + 1),
        "repeated": lambda: left * torch.tensor([3.0, 1.0]).repeat(n)[: left.shape[2]] @ right,
        "ill-conditioned": lambda: (
            left * torch.logspace(0, -14, left.shape[2], dtype=torch.float64) @ right
        ),
        "skew": lambda: dense_part - dense_part.mT if m == n else dense_part,
        "nilpotent": lambda: (
            torch.diag_embed(torch.ones(4, min(m, n) - 1, dtype=torch.float64), 1)
            if m == n
            else eye
        ),
        "half zero": lambda: dense_part * torch.tensor([1.0, 0, 1, 0])[:, None, None],
        "tiny": lambda: 1e-25 * dense_part,
        "huge": lambda: 1e15 * dense_part,
    }[kind]()


FAMILIES = [
    *("gaussian", "zero", "identity", "minus identity", "residual", "rank one", "repeated"),
    *("ill-conditioned", "skew", "nilpotent", "half zero", "tiny", "huge"),
]
SHAPES = [(1, 1), (1, 6), (6, 1), (2, 2), (7, 4), (4, 7), (12, 12), (40, 40), (30, 50), (50, 30)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", FAMILIES)
def test_enclosures_contain_the_truth(kind, dtype):
    for m, n in SHAPES:
        matrices = family(kind, m, n).to(dtype)
        for steps in (1, 2, 6, 14, 40):
            enclosures = assert_all_enclosed(
                MatrixOperator(matrices), matrices, steps=steps, delta=1e-6, seed=steps
            )
            if steps >= min(m, n):
                assert_exhausted(enclosures, matrices, dtype)


def assert_exhausted(
    enclosures: list[Enclosure], matrices: torch.Tensor, dtype: torch.dtype
) -> None:
    """A full run leaves nothing to chance, and only rounding between its ends."""
    allowed = (
        2 * tolerances(dtype).rounding
        + 2 * tolerances(dtype).breakdown * math.sqrt(2 * min(matrices.shape[1:]))
    ) * 1.01
    for enclosure in enclosures:
        assert enclosure.delta == 0
        assert (enclosure.high - enclosure.low <= allowed * dense_twin.sigma_max(matrices)).all()


@settings(max_examples=100)
@given(drawn_blocks(), st.integers(1, 12))
def test_enclosures_of_drawn_blocks_contain_the_dense_truth(block, steps):
    operator, matrices = (
        JacobianOperator(block.module, block.x),
        dense_twin.jacobian(block.module, block.x),
    )
    sizes = dense_twin.sigma_max(matrices)
    # The twin's own error: both linearize in the block's dtype.
    slack = 4 * tolerances(block.x.dtype).identity * sizes
    least, greatest = singular_extremes(operator, steps=steps, delta=1e-9, seed=0)
    for enclosure, truth in ((least, dense_twin.sigma_min_adjoint(matrices)), (greatest, sizes)):
        assert ((enclosure.low <= truth + slack) & (truth <= enclosure.high + slack)).all()


@settings(max_examples=50)
@given(drawn_blocks(square=True), st.integers(1, 12))
def test_numerical_ranges_of_drawn_blocks_contain_the_dense_truth(block, steps):
    operator, matrices = (
        JacobianOperator(block.module, block.x),
        dense_twin.jacobian(block.module, block.x),
    )
    slack = 4 * tolerances(block.x.dtype).identity * dense_twin.sigma_max(matrices)
    for enclosure, truth in zip(
        symmetric_extremes(operator, steps=steps, delta=1e-9),
        dense_twin.symmetric_extremes(matrices),
        strict=True,
    ):
        assert ((enclosure.low <= truth + slack) & (truth <= enclosure.high + slack)).all()


TRIALS, DELTA = 2000, 0.2


@pytest.mark.parametrize("steps", [1, 3, 8])
@pytest.mark.parametrize(
    "values",
    [
        torch.linspace(0.5, 1, 24),
        torch.cat([torch.full((23,), 0.8), torch.ones(1)]),
        torch.cat([torch.full((1,), 0.1), torch.ones(23)]),
    ],
    ids=["uniform", "one above", "one below"],
)
def test_enclosures_fail_no_more_often_than_delta(values, steps):
    operator = DiagonalOperator(values.double().expand(TRIALS, -1))
    truths = (values.min().item(), values.max().item())
    pairs = zip((singular_extremes, symmetric_extremes), (11, 12), strict=True)
    for extremes, seed in pairs:
        for enclosure, truth in zip(
            extremes(operator, steps=steps, delta=DELTA, seed=seed), truths, strict=True
        ):
            failures = (
                ((enclosure.low > truth + 1e-9) | (enclosure.high < truth - 1e-9)).sum().item()
            )
            assert failures <= binom.ppf(1 - 1e-6, TRIALS, DELTA), (failures, seed)


def test_the_stated_delta_is_used_not_merely_stated():
    """Where a spectrum hides its top behind a random start, failures do occur at a rate near the
    permitted one.
    """
    diagonal = torch.zeros(TRIALS, 24, dtype=torch.float64)
    diagonal[:, 0] = 1
    enclosure = symmetric_extremes(DiagonalOperator(diagonal), steps=1, delta=DELTA, seed=1)[1]
    assert (enclosure.high < 1 - 1e-9).sum().item() >= binom.ppf(1e-6, TRIALS, 0.4 * DELTA)


def test_smaller_delta_and_fewer_steps_widen_the_enclosure():
    operator = MatrixOperator(family("gaussian", 60, 60))
    narrow = sigma_max(operator, steps=12, delta=1e-2)
    assert (sigma_max(operator, steps=12, delta=1e-9).high > narrow.high).all()
    assert (sigma_max(operator, steps=6, delta=1e-2).high > narrow.high).all()
    assert (sigma_max(operator, steps=6, delta=1e-2).low < narrow.low).all()


def test_enclosures_are_tight_where_the_spectrum_allows():
    matrices = family("residual", 120, 120)
    least, greatest = singular_extremes(MatrixOperator(matrices), steps=40)
    lower, upper = symmetric_extremes(MatrixOperator(matrices), steps=40)
    for enclosure in (least, greatest, lower, upper):
        assert (enclosure.high - enclosure.low <= 0.06).all()
        assert enclosure.delta == 1e-6


@pytest.mark.parametrize(("dtype", "width"), [(torch.float32, 2e-3), (torch.float64, 1e-11)])
@pytest.mark.parametrize("factor", [1.0, -2.0])
def test_a_vanishing_branch_leaves_a_tight_enclosure(dtype, width, factor):
    """J = ±c I on a large space: every step breaks down, and the restarts confirm each other."""
    operator = Scaled(IdentityOperator((4000,), 2, dtype), factor)
    size = torch.full((2,), abs(factor), dtype=torch.float64)
    for enclosure in singular_extremes(operator, steps=20):
        assert_encloses(enclosure, size)
        assert (enclosure.high - enclosure.low <= width * size).all()
    for enclosure in symmetric_extremes(operator, steps=20):
        assert_encloses(enclosure, factor * torch.ones(2, dtype=torch.float64))
        assert (enclosure.high - enclosure.low <= 2 * width * size).all()


@pytest.mark.parametrize("steps", [1, 2, 3, 8])
def test_a_coupling_below_the_rounding_noise_is_not_taken_for_zero(steps):
    """One eigenvalue 1 ± 1e-4 among ones: in float32 every step seems to break down before it is
    found.
    """
    for side in (+1, -1):
        diagonal = torch.ones(4, 2000)
        diagonal[:, 0] += side * 1e-4
        matrices = torch.diag_embed(diagonal[:, :50])  # has the same extremes
        for enclosure, truth in zip(
            (
                *singular_extremes(DiagonalOperator(diagonal), steps=steps),
                *symmetric_extremes(DiagonalOperator(diagonal), steps=steps),
            ),
            (
                dense_twin.sigma_min_adjoint(matrices),
                dense_twin.sigma_max(matrices),
                *dense_twin.symmetric_extremes(matrices),
            ),
            strict=True,
        ):
            assert_encloses(enclosure, truth)


def test_couplings_all_below_the_rounding_noise_are_allowed_for_in_a_full_run():
    """I + η x xᵀ with η/√n below the breakdown tolerance: no step sees x, though together they span
    it.
    """
    n, dtype = 100, torch.float32
    update = 0.3 * tolerances(dtype).breakdown * math.sqrt(n)
    matrices = (torch.eye(n) + update / n).expand(2, n, n).contiguous()
    assert_exhausted(
        assert_all_enclosed(MatrixOperator(matrices), matrices, steps=n), matrices, dtype
    )


def test_a_low_rank_branch_leaves_a_tight_enclosure():
    matrices = family("rank one", 300, 300)
    for enclosure in assert_all_enclosed(MatrixOperator(matrices), matrices, steps=12):
        assert (enclosure.high - enclosure.low <= 1e-9 * dense_twin.sigma_max(matrices)).all()


def test_the_zero_operator_is_enclosed_by_zero():
    zero = torch.zeros(3, dtype=torch.float64)
    operator = MatrixOperator(torch.zeros(3, 50, 50))
    for enclosure in (
        *singular_extremes(operator, steps=5),
        *symmetric_extremes(operator, steps=5),
    ):
        assert torch.allclose(enclosure.low, zero, atol=1e-300)
        assert torch.allclose(enclosure.high, zero, atol=1e-300)


def test_sigma_min_adjoint_is_exactly_zero_for_a_tall_operator():
    tall = MatrixOperator(family("gaussian", 7, 4))
    for enclosure in (sigma_min_adjoint(tall), singular_extremes(tall)[0]):
        assert not enclosure.low.any()
        assert not enclosure.high.any()
        assert enclosure.delta == 0
    assert (sigma_min_adjoint(Adjoint(tall)).low > 0.1).all()


def test_an_operator_and_its_adjoint_have_the_same_greatest_singular_value():
    operator = MatrixOperator(family("gaussian", 7, 4))
    first, second = sigma_max(operator), sigma_max(Adjoint(operator))
    assert torch.allclose(first.high, second.high, rtol=1e-9)


def test_the_pair_equals_its_parts():
    operator = MatrixOperator(family("gaussian", 20, 30))
    options = {"steps": 7, "delta": 1e-3, "seed": 5}
    least, greatest = singular_extremes(operator, **options)
    for pair, single in (
        (least, sigma_min_adjoint(operator, **options)),
        (greatest, sigma_max(operator, **options)),
    ):
        assert torch.equal(pair.low, single.low)
        assert torch.equal(pair.high, single.high)


def test_enclosures_repeat_with_their_seed():
    operator = MatrixOperator(family("gaussian", 30, 30))
    first, again, other = (sigma_max(operator, steps=4, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.high, again.high)
    assert not torch.equal(first.high, other.high)


def test_natural_shapes_are_kept():
    x = gaussian(2, 3, 4, 4, seed=0)
    layer = torch.nn.Conv2d(3, 3, 3, padding=1).double()
    assert_all_enclosed(JacobianOperator(layer, x), dense_twin.jacobian(layer, x), steps=15)


@pytest.mark.parametrize(
    "method", [sigma_max, sigma_min_adjoint, singular_extremes, symmetric_extremes]
)
@pytest.mark.parametrize(
    ("option", "value"),
    [("steps", 0), ("delta", 0.0), ("delta", 1.0), ("delta", math.nan), ("seed", -1)],
)
def test_meaningless_settings_are_refused(method, option, value):
    with pytest.raises(InputError, match=option):
        method(MatrixOperator(family("gaussian", 3, 3)), **{option: value})
    with pytest.raises(InputError, match=option):
        sigma_min_adjoint(MatrixOperator(family("gaussian", 5, 3)), **{option: value})


def test_a_rectangular_operator_has_no_numerical_range():
    with pytest.raises(InputError, match="symmetric part"):
        symmetric_extremes(MatrixOperator(family("gaussian", 4, 7)))
