"""Norms, inner products and cosines at every scale, against exact sums."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import DTYPES, gaussian

from derivations.errors import InputError
from numeric.operators.vector_norms import cosine, inner, norm
from numeric.tolerances import tolerances

vectors = st.builds(
    lambda shape, seed, dtype, exponent: (
        gaussian(*shape, seed=seed, dtype=torch.float64).mul(10.0**exponent).to(dtype)
    ),
    st.sampled_from([(1, 1), (3, 7), (2, 3, 4), (2, 3, 4, 5)]),
    st.integers(0, 2**16),
    st.sampled_from(DTYPES),
    st.integers(-36, 36),
)


def exact_norm(sample):
    return math.hypot(*sample.double().flatten().tolist())


@given(vectors)
def test_norm_agrees_with_hypot_at_every_scale(v):
    expected = [exact_norm(sample) for sample in v]
    assert norm(v).tolist() == pytest.approx(expected, rel=4 * tolerances(v.dtype).eps)
    assert norm(v).dtype == v.dtype
    assert norm(v).shape == (len(v),)


@pytest.mark.parametrize(
    ("dtype", "entry"),
    [
        (torch.float32, 1e-23),
        (torch.float32, 1e-40),
        (torch.float32, 1e37),
        (torch.float64, 1e-200),
        (torch.float64, 1e300),
    ],
)
def test_norm_neither_underflows_nor_overflows(dtype, entry):
    v = torch.full((2, 16), entry, dtype=dtype)
    assert norm(v).tolist() == pytest.approx([4 * v[0, 0].item()] * 2, rel=1e-6, abs=0)


def test_norm_of_long_float32_vectors_is_accurate():
    v = gaussian(1, 2_000_000, seed=0, dtype=torch.float32).abs() + 1
    assert norm(v).item() == pytest.approx(v.double().square().sum().sqrt().item(), rel=1e-6)


def test_norm_mixes_tiny_huge_and_zero_samples():
    v = torch.tensor([[0.0, 0.0], [3e-30, 4e-30], [3e30, 4e30]])
    assert norm(v).tolist() == pytest.approx([0, 5e-30, 5e30], rel=1e-6, abs=0)


@given(st.integers(0, 2**16), st.sampled_from(DTYPES))
def test_inner_agrees_with_an_exact_sum(seed, dtype):
    u, v = gaussian(3, 2, 5, seed=seed, dtype=dtype), gaussian(3, 2, 5, seed=seed + 1, dtype=dtype)
    expected = [
        math.fsum((a * b).flatten().tolist()) for a, b in zip(u.double(), v.double(), strict=True)
    ]
    sizes = norm(u) * norm(v)
    assert (
        (inner(u, v).double() - torch.tensor(expected, dtype=torch.float64)).abs()
        <= 8 * tolerances(dtype).eps * sizes
    ).all()


def test_inner_scales_both_sides():
    u, v = torch.full((1, 4), 1e-30), torch.full((1, 4), 1e30)
    assert inner(u, v).item() == pytest.approx(4)


def test_cosine_of_known_angles():
    u = torch.tensor([[1.0, 0], [1, 0], [1, 1], [2, 0], [0, 0], [1e-30, 0]])
    v = torch.tensor([[0.0, 3], [5, 0], [-1, -1], [1, 1], [1, 1], [1e30, 1e30]])
    assert cosine(u, v).tolist() == pytest.approx([0, 1, -1, math.sqrt(0.5), 0, math.sqrt(0.5)])


@given(st.integers(0, 2**16), st.sampled_from(DTYPES))
def test_cosine_never_leaves_its_range(seed, dtype):
    v = gaussian(4, 3, seed=seed, dtype=dtype)
    assert (cosine(v, v) <= 1).all()
    assert (cosine(v, -v) >= -1).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "measure",
    [norm, lambda v: inner(v, torch.ones_like(v)), lambda v: cosine(torch.ones_like(v), v)],
)
def test_non_finite_entries_are_refused(bad, measure):
    v = torch.ones(2, 3)
    v[1, 2] = bad
    with pytest.raises(InputError, match="not finite"):
        measure(v)


def test_a_norm_beyond_the_dtype_is_refused():
    with pytest.raises(InputError, match="use float64"):
        norm(torch.full((1, 100), 3e38))


@pytest.mark.parametrize("pair", [inner, cosine])
def test_pairs_of_different_shapes_are_refused(pair):
    with pytest.raises(InputError, match=r"\(2, 3\) .*and \(2, 1\)"):
        pair(torch.ones(2, 3), torch.ones(2, 1))


@pytest.mark.parametrize("dtype", DTYPES)
def test_norms_and_products_near_the_ends_of_the_floats(dtype):
    tiny, big = (2.0**-140, 2.0**120) if dtype == torch.float32 else (2.0**-1060, 2.0**1000)
    v = torch.tensor([[3.0, 4.0], [0.0, 0.0], [-3.0, 4.0]], dtype=dtype)
    w = torch.tensor([[3.0, 4.0], [1.0, 1.0], [4.0, 3.0]], dtype=dtype)
    for scale in (tiny, big):
        assert torch.equal(norm(scale * v), scale * torch.tensor([5.0, 0.0, 5.0], dtype=dtype))
        assert torch.allclose(
            inner(scale * v, w / 1.0), scale * torch.tensor([25.0, 0.0, 0.0], dtype=dtype)
        )
        assert torch.allclose(cosine(scale * v, w), torch.tensor([1.0, 0.0, 0.0], dtype=dtype))
