"""Bounds of certainty `law`: what they say and of what, and where they stand beside the others."""

import numpy as np
import pytest
import torch
from strategies import gaussian
from torch import nn

import numeric
from derivations.errors import InputError
from numeric.evaluation.live_samples import VanishedSignalWarning
from numeric.laws import GeneralizedChiSquare, gain_quantiles, independent_law

STD, WIDTH = 0.3, 6


def drawn(seed: int, dtype: torch.dtype = torch.float64) -> nn.Linear:
    layer = nn.Linear(WIDTH, WIDTH, bias=False).to(dtype)
    with torch.no_grad():
        layer.weight.copy_(STD * gaussian(WIDTH, WIDTH, seed=seed))
    return layer


def evaluated(g, dtype=torch.float64, **settings):
    law = independent_law(STD, g, g)
    x, g = gaussian(len(g), WIDTH, seed=9).to(dtype), g.to(dtype)
    return numeric.evaluate("residual", {"F": drawn(3, dtype)}, x, g, law=law, **settings)


def of_law(numbers):
    return {bound.side: bound for bound in numbers.bounds if bound.certainty == "law"}


def test_evaluate_offers_them_beside_the_others_where_a_law_is_given():
    g = gaussian(4, WIDTH, seed=2)
    numbers = evaluated(g, delta=1e-3)
    found = of_law(numbers)
    expected = gain_quantiles(independent_law(STD, g, g), g.norm(dim=1), 1e-3)
    for side, end in zip(("lower", "upper"), expected, strict=True):
        assert found[side].id == f"law.{side}"
        assert found[side].delta == 1e-3 / 2
        assert "weights drawn as N(0, s²), independent of the signal" in found[side].reason
        assert found[side].value.numpy() == pytest.approx(end, rel=1e-12)
    assert (found["lower"].value < numbers.gain).all()
    assert (numbers.gain < found["upper"].value).all()
    x = gaussian(4, WIDTH, seed=9)
    without = numeric.evaluate("residual", {"F": drawn(3)}, x, g, delta=1e-3)
    assert not of_law(without)
    assert [bound.id for bound in without.bounds] == [bound.id for bound in numbers.bounds[:-2]]


def test_most_draws_of_the_weights_lie_between_them():
    g = gaussian(1, WIDTH, seed=2)
    ends = numeric.law_bounds(independent_law(STD, g, g), g.norm(dim=1), 0.5)
    gains = [
        numeric.evaluate("residual", {"F": drawn(seed)}, g, g, spectra=False).gain
        for seed in range(400)
    ]
    lower, upper = (float(end.value) for end in ends)
    assert 150 < sum(not lower <= float(gain) <= upper for gain in gains) < 250  # 5 deviations


def test_the_bound_that_says_most_of_these_weights_is_none_of_the_law():
    numbers = evaluated(gaussian(4, WIDTH, seed=2), delta=0.9)
    for side in ("lower", "upper"):
        assert all(bound.certainty != "law" for bound in numbers.tightest(side))


def test_samples_without_a_signal_have_none():
    g = gaussian(3, WIDTH, seed=2)
    g[1] = 0
    with pytest.warns(VanishedSignalWarning):
        found = of_law(evaluated(g))
    alone = of_law(evaluated(g[[0, 2]]))
    for side in ("lower", "upper"):
        assert found[side].value[1].isnan()
        assert torch.equal(found[side].value[[0, 2]], alone[side].value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_values_are_rounded_outward_to_the_precision_of_the_signal(dtype):
    shift = np.linspace(0.5, 2, 50)
    point = GeneralizedChiSquare(shift, *[np.zeros((50, 1))] * 3)
    lower, upper = numeric.law_bounds(point, torch.ones(50, dtype=dtype), 1e-3)
    assert lower.value.dtype == dtype
    assert (lower.value.double().numpy() < np.sqrt(shift)).all()
    assert (upper.value.double().numpy() > np.sqrt(shift)).all()
    for bound in (lower, upper):
        assert bound.value.double().numpy() == pytest.approx(
            np.sqrt(shift), rel=200 * torch.finfo(dtype).eps
        )


def test_what_is_given_is_stated():
    law = GeneralizedChiSquare([0.0], [[1.0]], [[3.0]], [[0.0]])
    bounds = numeric.law_bounds(law, torch.ones(1), 0.1, condition="W, given W φ(x)")
    assert all(bound.reason.endswith("holds for W, given W φ(x)") for bound in bounds)


@pytest.mark.parametrize("law", [None, 3.0, GeneralizedChiSquare(0.0, [1.0], [1.0], [0.0])])
def test_what_is_no_batch_of_laws_is_refused(law):
    with pytest.raises(InputError, match="law"):
        numeric.law_bounds(law, torch.ones(2), 0.1)
