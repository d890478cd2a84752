"""Arithmetic with radii: the exact result lies inside, at every scale."""

import pytest
import torch
from flint import arb
from hypothesis import given
from hypothesis import strategies as st
from strategies import gaussian
from torch import Tensor

from derivations.errors import InputError
from numeric.certified import enclosed_tensors
from numeric.certified.balls import precise
from numeric.certified.enclosed_tensors import Enclosed

numbers = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([0.0, 1.0, 1e-300, -5e-324, 1e150]))
rows = st.lists(numbers, min_size=1, max_size=8)


def exactly(values: list[float]) -> Enclosed:
    return Enclosed.exactly(torch.tensor([values], dtype=torch.float64))


def ball(found: Enclosed, i: int) -> arb:
    return arb(found.mid[0, i].item(), found.rad[0, i].item())


def wide(seed: int) -> tuple[Enclosed, Tensor]:
    """(3, 5) numbers with radii, and points within them, some at the ends."""
    mid, rad = gaussian(3, 5, seed=seed), gaussian(3, 5, seed=seed + 100).abs()
    return Enclosed(mid, rad), mid + rad * gaussian(3, 5, seed=seed + 200).clamp(-1, 1)


@given(rows, st.data())
def test_sums_and_products_hold_the_exact_value(left, data):
    right = data.draw(st.lists(numbers, min_size=len(left), max_size=len(left)))
    with precise():
        total, product, rest = (
            exactly(left) + exactly(right),
            exactly(left) * exactly(right),
            1 - exactly(left),
        )
        for i, (a, b) in enumerate(zip(left, right, strict=True)):
            assert ball(total, i).contains(arb(a) + arb(b))
            assert ball(product, i).contains(arb(a) * arb(b))
            assert ball(rest, i).contains(1 - arb(a))


@pytest.mark.parametrize("seed", range(10))
def test_points_within_the_radii_stay_within(seed):
    (a, x), (b, y) = wide(seed), wide(seed + 50)
    for found, value in (
        (a + b, x + y),
        (a * b, x * y),
        (a * 3.0, x * 3),
        (1 - a, 1 - x),
        (enclosed_tensors.cat([a, b]), torch.cat([x, y], 1)),
    ):
        assert ((value - found.mid).abs() <= found.rad + 1e-14).all()
    assert ((a.low <= x) & (x <= a.high) & (x.abs() <= a.size())).all()
    for length, exact in zip(enclosed_tensors.norm(a), x.norm(dim=1).tolist(), strict=True):
        assert length.overlaps(arb(exact, 1e-14))
    for cosine, exact in zip(
        enclosed_tensors.cosine(a, b), torch.cosine_similarity(x, y).tolist(), strict=True
    ):
        assert cosine.overlaps(arb(exact, 1e-14))


@given(rows, st.integers(-1060, 1000))
def test_norms_hold_the_exact_value_at_every_scale(values, exponent):
    scaled = torch.ldexp(torch.tensor([values], dtype=torch.float64), torch.tensor(exponent))
    if not scaled.isfinite().all():
        return
    (found,) = enclosed_tensors.norm(Enclosed.exactly(scaled))
    with precise():
        exact = sum((arb(v) ** 2 for v in scaled[0].tolist()), arb(0)).sqrt()
        assert found.contains(exact)
        assert found.rad() <= 1e-14 * exact.upper() + 1e-300


@given(rows, st.data())
def test_cosines_hold_the_exact_value(left, data):
    right = data.draw(st.lists(numbers, min_size=len(left), max_size=len(left)))
    (found,) = enclosed_tensors.cosine(exactly(left), exactly(right))
    with precise():
        lengths = [sum((arb(v) ** 2 for v in row), arb(0)).sqrt() for row in (left, right)]
        assert found.upper() <= 1 + 1e-8  # radii are rounded up to 30 bits
        assert found.lower() >= -1 - 1e-8
        if lengths[0] * lengths[1] > 0:
            assert found.overlaps(
                sum((arb(a) * arb(b) for a, b in zip(left, right, strict=True)), arb(0))
                / (lengths[0] * lengths[1])
            )


def test_the_cosine_with_nothing_is_anything():
    (found,) = enclosed_tensors.cosine(exactly([0.0, 0.0]), exactly([1.0, 2.0]))
    assert found.contains(arb(-1))
    assert found.contains(arb(1))


def test_stored_numbers_have_no_radius_and_keep_their_ends():
    found = Enclosed.exactly(torch.tensor([[0.1, 0.0]], dtype=torch.float32))
    assert (found.rad == 0).all()
    assert torch.equal(found.low, found.high)
    assert found.mid[0, 0].item() == torch.tensor(0.1).item()


def test_ends_that_meet_are_exact():
    ends = torch.tensor([[0.1, 5e-324]], dtype=torch.float64)
    assert torch.equal(Enclosed.between(ends, ends).mid, ends)
    assert (Enclosed.between(ends, ends).rad == 0).all()


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_whatever_lies_between_ends_is_held(first, second):
    low, high = sorted((first, second))
    found = Enclosed.between(
        torch.tensor([[low]], dtype=torch.float64), torch.tensor([[high]], dtype=torch.float64)
    )
    with precise():
        assert arb(found.mid.item()) - arb(found.rad.item()) <= arb(low)
        assert arb(found.mid.item()) + arb(found.rad.item()) >= arb(high)


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor([[1]]),
        torch.tensor([[True]]),
        torch.tensor([[1j]]),
        torch.tensor([[torch.nan]]),
    ],
)
def test_what_is_no_finite_real_tensor_is_refused(value):
    with pytest.raises(InputError, match="real and finite"):
        Enclosed.exactly(value)


def test_what_leaves_the_range_is_refused():
    huge = exactly([1e200])
    with pytest.raises(InputError, match="range of float64"):
        huge * huge


def test_zero_beyond_doubt_stays_zero_and_nothing_else_becomes_it():
    """A product of other numbers may underflow; a sum never does; a map takes each sample alone."""
    zero, tiny = exactly([0.0, 0.0]), exactly([1e-200, 0.0])
    assert (zero * exactly([3.0, 4.0])).is_zero().all()
    assert (tiny * tiny).is_zero().tolist() == [[False, True]]
    assert (tiny + exactly([-1e-200, 5e-324])).is_zero().tolist() == [[True, False]]
    doubt = Enclosed(zero.mid, torch.full_like(zero.mid, 5e-324))
    assert not (doubt + zero).is_zero().any()
    assert not (doubt * exactly([1.0, 1.0])).is_zero().any()
    rows = Enclosed.exactly(torch.tensor([[0.0, 0.0], [0.0, 0.1]], dtype=torch.float64))
    found = enclosed_tensors.apply(lambda v: v * 0.3, lambda v: v * 0.3, 1, rows)
    assert found.is_zero().tolist() == [[True, True], [False, False]]
    assert found.rad[1, 1] > 0
    least, one = enclosed_tensors.norm(Enclosed(rows.mid, rows.rad))
    assert least == 0
    assert one > 0
