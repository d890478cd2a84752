"""Quantiles of gains under a law: right for drawn weights, on both sides, and never beyond."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
from mpmath import mp
from scipy.stats import binom, chi2
from strategies import gaussian
from torch import Tensor
from torch.nn import functional as F

from derivations.errors import InputError
from numeric.laws import law_quantiles as module
from numeric.laws.chi_square import GeneralizedChiSquare
from numeric.laws.convolution_layer import Geometry, convolution_law
from numeric.laws.dense_layer import independent_law, masked_law, pointwise_law
from numeric.laws.law_quantiles import gain_quantiles

DRAWS, SEED, STD = 20_000, 11, 0.4
DELTAS = [10.0**-power for power in range(1, 10)]


def by_weights(pull: Callable[[Tensor], Tensor], *shape: int) -> Tensor:
    """The lengths that draws of a weight of this shape give, (DRAWS,)."""
    generator = torch.Generator().manual_seed(SEED)
    weights = STD * torch.randn(DRAWS, *shape, generator=generator, dtype=torch.float64)
    return pull(weights).flatten(1).norm(dim=1)


def dense(v: Tensor, h: Tensor, slope: Tensor) -> Tensor:
    return by_weights(lambda weights: v + slope * (h @ weights), h.shape[1], v.shape[1])


def convolved(v: Tensor, h: Tensor, slope: Tensor, geometry: Geometry) -> Tensor:
    """v + slope · ∂⟨h, conv(x)⟩/∂x by autograd, each draw a group of one convolution."""

    def pull(weights: Tensor) -> Tensor:
        x = torch.zeros(1, DRAWS * v.shape[1], *v.shape[2:], dtype=torch.float64)
        out = F.conv2d(
            x.requires_grad_(),
            weights.flatten(0, 1),
            None,
            geometry.stride,
            geometry.padding,
            geometry.dilation,
            DRAWS * geometry.groups,
        )
        (arrived,) = torch.autograd.grad(out, x, h.repeat(1, DRAWS, 1, 1))
        return v + slope * arrived.view(DRAWS, *v.shape[1:])

    return by_weights(pull, h.shape[1], v.shape[1] // geometry.groups, *geometry.kernel)


def dense_case(n: int, m: int, skip: float) -> tuple[GeneralizedChiSquare, Tensor]:
    h, v = gaussian(1, m, seed=1), skip * gaussian(1, n, seed=2)
    return independent_law(STD, h, v), dense(v, h, torch.ones(n))


def sloped_case(*, mask: bool) -> tuple[GeneralizedChiSquare, Tensor]:
    h, v, slope = gaussian(1, 5, seed=1), gaussian(1, 7, seed=2), gaussian(1, 7, seed=3)
    if mask:
        return masked_law(STD, h, v, slope > 0), dense(v, h, (slope > 0).double())
    return pointwise_law(STD, h, v, slope), dense(v, h, slope)


def convolution_case(
    geometry: Geometry, size: tuple[int, int], skip: float
) -> tuple[GeneralizedChiSquare, Tensor]:
    v = skip * gaussian(1, 4, *size, seed=2)
    h, slope = gaussian(1, 2, *geometry.output_size(size), seed=1), gaussian(1, 4, *size, seed=3)
    return convolution_law(STD, h, v, geometry, slope=slope), convolved(v, h, slope, geometry)


CASES: dict[str, Callable[[], tuple[GeneralizedChiSquare, Tensor]]] = {
    "plain": lambda: dense_case(6, 3, 0.0),
    "one entry": lambda: dense_case(1, 4, 0.0),
    "residual": lambda: dense_case(6, 6, 1.0),
    "strong skip": lambda: dense_case(6, 3, 50.0),
    "behind a ReLU": lambda: sloped_case(mask=True),
    "behind another map": lambda: sloped_case(mask=False),
    "convolution": lambda: convolution_case(Geometry((3, 3), padding=(1, 1)), (4, 4), 1.0),
    "strided, plain": lambda: convolution_case(
        Geometry((3, 3), (2, 2), (1, 1), groups=2), (5, 4), 0.0
    ),
    "dilated": lambda: convolution_case(Geometry((2, 3), (1, 2), (2, 0), (2, 1)), (4, 5), 0.5),
}


@pytest.mark.parametrize("name", CASES)
def test_draws_miss_each_end_as_often_as_is_stated(name):
    law, lengths = CASES[name]()
    gains = lengths.numpy() / 2.5
    for delta in (0.3, 0.1, 0.01):
        lower, upper = gain_quantiles(law, 2.5, delta)
        for missed in ((gains < lower).sum(), (gains > upper).sum()):
            # A chance of 1e-7 for each of 54 comparisons.
            assert binom.cdf(missed, DRAWS, delta / 2) > 1e-7
            assert binom.sf(missed - 1, DRAWS, delta / 2) > 1e-7
    lower, upper = gain_quantiles(law, 2.5, 1e-9)
    assert ((gains >= lower) & (gains <= upper)).all()


@pytest.mark.parametrize("delta", [*DELTAS, 1e-30])
@pytest.mark.parametrize("dof", [1, 2, 7, 400])
def test_one_chi_square_has_the_quantiles_of_scipy(dof, delta):
    lower, upper = gain_quantiles(GeneralizedChiSquare(0.0, [4.0], [dof], [0.0]), 1.0, delta)
    known = 2 * np.sqrt([chi2.ppf(delta / 2, dof), chi2.isf(delta / 2, dof)])
    assert lower < known[0]
    assert upper > known[1]
    assert [lower, upper] == pytest.approx(known, rel=2e-11)


@pytest.mark.parametrize("delta", DELTAS)
def test_quantiles_are_outward_of_sums_of_exponentials_in_fifty_digits(delta):
    weights = [3.0, 1.0, 0.25, 0.01]
    law = GeneralizedChiSquare(2.0, weights, [2.0] * 4, [0.0] * 4)
    lower, upper = (mp.mpf(float(end)) ** 2 - 2 for end in gain_quantiles(law, 1.0, delta))
    with mp.workdps(50):

        def above(q: mp.mpf) -> mp.mpf:
            return mp.fsum(
                mp.e ** (-q / (2 * one))
                * mp.fprod(one / (one - other) for other in weights if other != one)
                for one in map(mp.mpf, weights)
            )

        for missed in (1 - above(lower), above(upper)):
            assert missed < delta / 2
            assert missed == pytest.approx(delta / 2, rel=1e-8)


def test_a_zero_signal_leaves_what_goes_beside_it():
    v = gaussian(2, 5, seed=4)
    law = independent_law(STD, torch.zeros(2, 3, dtype=torch.float64), v)
    lower, upper = gain_quantiles(law, v.norm(dim=1), 1e-3)
    assert (lower < 1).all()
    assert (upper > 1).all()
    assert lower == pytest.approx([1, 1], rel=1e-13)
    assert upper == pytest.approx([1, 1], rel=1e-13)
    nothing = independent_law(STD, law_zeros := torch.zeros(2, 3, dtype=torch.float64), law_zeros)
    assert np.array(gain_quantiles(nothing, 1.0, 1e-3)).max() == 0


def test_a_constant_far_above_what_is_random_hides_nothing():
    law = GeneralizedChiSquare(1e20, [1.0], [3.0], [0.0])
    lower, upper = gain_quantiles(law, 1e10, 0.1)
    assert lower < 1 < upper
    assert upper - lower < 1e-13


@pytest.mark.parametrize("scale", [1e-120, 1e120])
def test_the_unit_of_the_law_does_not_matter(scale):
    law = GeneralizedChiSquare([1.0], [[2.0, 0.5]], [[1.0, 3.0]], [[0.1, 7.0]])
    known = gain_quantiles(law, 1.0, 1e-6)
    found = gain_quantiles(law.scaled(scale), 1.0, 1e-6)
    assert np.array(found) == pytest.approx(np.sqrt(scale) * np.array(known), rel=1e-11)


def test_an_error_that_is_not_known_is_refused_by_sample():
    law = GeneralizedChiSquare(
        [0.0, 0.0], [[1.0, 1.0], [1.0, 1e-12]], [[1.0, 1.0]] * 2, [[0.0] * 2] * 2
    )
    with pytest.raises(InputError, match="tail of the law of sample 1 cannot be inverted"):
        gain_quantiles(law, 1.0, 1e-3)


def test_errors_of_the_inversion_move_the_ends_outward(monkeypatch):
    law = GeneralizedChiSquare(0.0, [1.0], [3.0], [2.0])
    lower, upper = gain_quantiles(law, 1.0, 1e-3)
    exact = module.log_probability

    def rough(*arguments):
        value, _ = exact(*arguments)
        return value, np.full_like(value, 0.9 * module.KNOWN)

    monkeypatch.setattr(module, "log_probability", rough)
    wider = gain_quantiles(law, 1.0, 1e-3)
    assert wider[0] < lower * (1 - 1e-8)
    assert wider[1] > upper * (1 + 1e-8)


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.5, 1e-31, float("nan"), "small"])
def test_a_share_of_misses_is_a_number_between_0_and_1(delta):
    with pytest.raises(InputError, match="delta"):
        gain_quantiles(GeneralizedChiSquare(0.0, [1.0], [1.0], [0.0]), 1.0, delta)


@pytest.mark.parametrize("delta", [0.1, 1e-15])
def test_they_are_outward_where_floats_end(delta):
    pairs = list(product([1e300, 1.0, 1e-300, 1e-307], [1e-300, 1e-180, 1e-5, 1.0, 1e170, 1e200]))
    weights, norms = map(np.array, zip(*pairs, strict=True))
    law = GeneralizedChiSquare(np.zeros(len(pairs)), weights[:, None], [[1.0]], [[0.0]])
    lows, highs = gain_quantiles(law, torch.from_numpy(norms), delta)
    assert np.isfinite(lows).all()
    assert (highs > 0).all()
    with mp.workdps(40):
        least = mp.sqrt(2) * mp.erfinv(mp.mpf(delta) / 2)
        most = mp.sqrt(mp.mpf(chi2.isf(delta / 2, 1))) * (1 - mp.mpf("1e-13"))
        for low, high, weight, norm in zip(lows, highs, weights, norms, strict=True):
            scale = mp.sqrt(mp.mpf(float(weight))) / mp.mpf(float(norm))
            assert mp.mpf(float(low)) <= scale * least
            assert high == np.inf or mp.mpf(float(high)) >= scale * most
            if 1e-300 < scale * least < 1e300:
                assert low >= float(scale * least) * (1 - 1e-6)


def test_a_square_that_is_subnormal_is_outward():
    weights, shift, delta = np.linspace(2.3e-308, 9e-308, 20), 5e-324, 3e-8
    law = GeneralizedChiSquare(np.full(20, shift), weights[:, None], [[1.0]], [[0.0]])
    lows, _ = gain_quantiles(law, 1.0, delta)
    with mp.workdps(40):
        least = 2 * mp.erfinv(mp.mpf(delta) / 2) ** 2
        for low, weight in zip(lows, weights, strict=True):
            assert mp.mpf(float(low)) ** 2 <= mp.mpf(shift) + mp.mpf(float(weight)) * least
