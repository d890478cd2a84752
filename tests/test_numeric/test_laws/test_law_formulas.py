"""Expressions of laws on arrays: each kind of node against NumPy, and letters that do not fit."""

import numpy as np
import pytest
import sympy as sp
import torch
from scipy.stats import kstest

from derivations.errors import InputError, UnknownNodeError
from derivations.laws.law_catalogue import law
from numeric.laws.law_formulas import (
    along_coordinates,
    array,
    check_sizes,
    deviation,
    generalized,
    generalized_law,
    noncentral,
    noncentral_law,
    norm_of_gaussian,
    require,
    value,
)

LAW = law("independent.dense")
A, B = (sp.MatrixSymbol(name, 3, 3) for name in "AB")
COLUMN = sp.MatrixSymbol("c", 3, 1)
RNG = np.random.default_rng(0)
LETTERS = {
    "A": RNG.standard_normal((2, 3, 3)),
    "B": RNG.standard_normal((2, 3, 3)),
    "c": RNG.standard_normal((2, 3)),
}
a, b, c = LETTERS["A"], LETTERS["B"], LETTERS["c"][..., None]


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (A, a),
        (COLUMN, c),
        (A.T, a.swapaxes(-1, -2)),
        (A * B * COLUMN, a @ b @ c),
        (-2 * A * B, -2 * a @ b),
        (A + B.T, a + b.swapaxes(-1, -2)),
        (A + sp.Identity(3), a + np.eye(3)),
        (sp.MatAdd(A, sp.Identity(3), sp.Identity(3)), a + 2 * np.eye(3)),
        (A - COLUMN * COLUMN.T, a - c @ c.swapaxes(-1, -2)),
        (sp.ZeroMatrix(3, 3), np.zeros((1, 1))),
    ],
    ids=str,
)
def test_a_matrix_expression_is_evaluated_as_it_stands(expr, expected):
    assert np.allclose(value(expr, LETTERS, LAW), expected, rtol=1e-14, atol=1e-14)


def test_a_letter_that_is_missing_is_named_with_its_shape():
    with pytest.raises(InputError, match=r"independent\.dense needs the letter B: .* 3, 3"):
        value(A * B, {"A": a}, LAW)


def test_an_expression_without_a_rule_is_refused():
    with pytest.raises(UnknownNodeError, match="cannot evaluate Inverse of a law"):
        value(A.I, LETTERS, LAW)


def test_the_law_of_a_gaussian_is_that_of_its_draws():
    """One direction of the covariance is 0: what the mean has there is a constant."""
    vectors = np.linalg.qr(RNG.standard_normal((4, 4)))[0]
    values = np.array([2.0, 0.5, 0.1, 0.0])
    mean = np.array([[0.3], [-1.0], [0.7], [2.0]])
    found = norm_of_gaussian(mean, vectors, values, 1.5, 0.25, np.asarray(values.sum()))
    noise = vectors @ (np.sqrt(1.5 * values)[:, None] * RNG.standard_normal((4, 20_000)))
    draws = 0.25 + ((mean + noise) ** 2).sum(0)
    assert kstest(found.cdf(draws), "uniform").pvalue > 1e-3
    assert found.mean == pytest.approx(0.25 + (mean**2).sum() + 1.5 * values.sum())


def factors(kind: str) -> np.ndarray:
    """A (2, p, r), of full rank or not."""
    rng = np.random.default_rng(3)
    shapes = {"wide": (2, 5, 9), "tall": (2, 9, 5), "square": (2, 6, 6)}
    if kind in shapes:
        return rng.standard_normal(shapes[kind])
    if kind == "tall, of low rank":
        return rng.standard_normal((2, 9, 2)) @ rng.standard_normal((2, 2, 5))
    # The squares of the least are nearly rounding: their vectors are hardly orthogonal.
    scale = 10 ** np.linspace(-7.2, 0, 33)
    turned = np.linalg.qr(rng.standard_normal((2, 33, 33)))[0]
    return np.linalg.qr(rng.standard_normal((2, 54, 33)))[0] * scale @ turned


@pytest.mark.parametrize("weakest", [False, True])
@pytest.mark.parametrize("kind", ["wide", "tall", "square", "tall, of low rank", "of all sizes"])
def test_the_smaller_gram_matrix_gives_what_singular_values_give(kind, weakest):
    """Also where the mean lies in the weakest directions alone."""
    factor = factors(kind)
    left, roots, _ = np.linalg.svd(factor, full_matrices=False)
    mean = (
        left[..., -8:].sum(-1)
        if weakest
        else np.random.default_rng(4).standard_normal(factor.shape[:2])
    )
    slow = norm_of_gaussian(mean[..., None], left, roots**2, 0.25, 0.0, (factor**2).sum((-2, -1)))
    fast = generalized(generalized_law("convolution"), 0.5, {"A": factor, "v": mean})
    assert fast.mean == pytest.approx(slow.mean, rel=1e-13)
    assert fast.variance == pytest.approx(slow.variance, rel=1e-7)
    for law_ in (fast, slow):
        assert law_.mean == pytest.approx((mean**2).sum(-1) + 0.25 * (factor**2).sum((-2, -1)))
    q = slow.mean + np.sqrt(slow.variance) * np.array([[-1.0], [0.0], [2.0]])
    assert np.allclose(fast.cdf(q), slow.cdf(q), rtol=0, atol=2e-6)


def test_a_diagonal_factor_is_not_decomposed():
    rng = np.random.default_rng(5)
    entries, v, h = rng.standard_normal((3, 2, 6))
    entries[0, 2] = 0.0
    letters = {"h": h, "v": v}
    fast = along_coordinates(generalized_law("pointwise"), 0.5, letters, entries)
    whole = letters | {"K": entries[..., None] * np.eye(6)}
    slow = generalized(generalized_law("pointwise"), 0.5, whole)
    assert fast.mean == pytest.approx(slow.mean, rel=1e-13)
    assert fast.variance == pytest.approx(slow.variance, rel=1e-13)
    q = slow.mean * np.array([[0.5], [1.0], [1.5]])
    assert np.allclose(fast.cdf(q), slow.cdf(q), rtol=0, atol=2e-6)


def test_a_square_that_rounds_below_zero_is_zero():
    """‖g_y‖² of a zero column, and a law whose only randomness is gone, stay legal."""
    zero = np.zeros((2, 3))
    found = noncentral(LAW, 0.0, {"g_W": zero, "g_y": zero}, {"n": np.asarray(3)})
    assert (found.mean == 0).all()
    assert (found.variance == 0).all()


@pytest.mark.parametrize(("weight_std", "expected"), [(0, 0.0), (0.0, 0.0), (np.float32(0.5), 0.5)])
def test_a_deviation_is_a_float(weight_std, expected):
    assert deviation(weight_std) == expected
    assert type(deviation(weight_std)) is float


@pytest.mark.parametrize("weight_std", [-1.0, float("nan"), 1e-80, 1e80, "one", 1j])
def test_a_deviation_that_cannot_be_squared_is_refused(weight_std):
    with pytest.raises(InputError, match="standard deviation"):
        deviation(weight_std)


def test_a_tensor_becomes_an_array_of_float64():
    found = array(torch.tensor([[1, 2.5]], dtype=torch.bfloat16, requires_grad=True), "h")
    assert found.dtype == np.float64
    assert found.tolist() == [[1.0, 2.5]]


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.ones(2, dtype=torch.int64), "h is .*int64"),
        (torch.ones(0), "at least one number"),
        (torch.ones(2, device="meta"), "meta"),
        ([1.0], "list"),
        (torch.tensor([1.0, torch.nan]), "not finite"),
    ],
)
def test_what_is_no_letter_is_refused(tensor, message):
    with pytest.raises(InputError, match=message):
        array(tensor, "h")


def test_a_shape_is_required_exactly_though_numpy_would_broadcast():
    require("v", a, (2, 3, 3))
    with pytest.raises(InputError, match=r"v has shape \(2, 3, 3\): .* must have \(1, 3, 3\)"):
        require("v", a, (1, 3, 3))


def test_a_law_is_asked_for_by_its_kind():
    assert noncentral_law("masked").id == "masked"
    assert generalized_law("pointwise").id == "pointwise"
    with pytest.raises(InputError, match="not a noncentral one"):
        noncentral_law("pointwise")
    with pytest.raises(InputError, match="not a generalized one"):
        generalized_law("masked")


def test_every_sample_is_of_a_size_that_can_be_squared():
    """Beside a signal of order one another may be as small as it likes, but not instead of it."""
    rows = np.array([[1.0, 0], [1e-165, 0], [0, 0]])
    check_sizes(h=rows, v=np.ones((3, 2)))
    check_sizes(h=np.zeros((3, 2)), slope=rows[[0, 2]])
    for letters in ({"h": rows}, {"h": rows, "v": 0 * rows}, {"slope": rows, "v": 1 + rows}):
        with pytest.raises(InputError, match=r"entries up to 1.0e-165 in sample 1, whose squares"):
            check_sizes(**letters)
    with pytest.raises(InputError, match=r"v has entries up to 1.0e\+80 in sample 0"):
        check_sizes(h=rows, v=np.array([[1e80, 0], [1, 0], [0, 1]]))
