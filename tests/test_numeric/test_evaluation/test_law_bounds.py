"""Bounds of certainty `law`: what they say and of what, and where they stand beside the others."""

import numpy as np
import pytest
import torch
from scipy.stats import chi2
from strategies import gaussian
from torch import nn

import numeric
from derivations.algebra.terms import Add, Identity, Layer
from derivations.errors import InputError
from numeric.evaluation.law_bounds import outward
from numeric.evaluation.live_samples import VanishedSignalWarning
from numeric.laws import (
    GeneralizedChiSquare,
    conditional_law,
    gain_quantiles,
    independent_law,
    shared_law,
)

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
        assert "weights drawn as N(0, 0.3²), independent of the signal" in found[side].reason
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
    lower, upper = numeric.law_bounds(
        point, torch.ones(50, dtype=dtype), 1e-3, condition="no weights"
    )
    assert lower.value.dtype == dtype
    assert (lower.value.double().numpy() < np.sqrt(shift)).all()
    assert (upper.value.double().numpy() > np.sqrt(shift)).all()
    for bound in (lower, upper):
        assert bound.value.double().numpy() == pytest.approx(
            np.sqrt(shift), rel=200 * torch.finfo(dtype).eps
        )


@pytest.mark.parametrize("weight", [1e90, 1e80, 1e76, 1.0, 1e-76, 1e-80, 1e-84, 1e-90, 1e-96])
def test_they_are_outward_at_the_ends_of_a_precision(weight):
    law = GeneralizedChiSquare([0.0], [[weight]], [[1.0]], [[0.0]])
    true = np.sqrt(weight * chi2.ppf([0.05, 0.95], 1))
    lower, upper = numeric.law_bounds(law, torch.ones(1), 0.1, condition="one weight")
    assert 0 <= float(lower.value) <= true[0]
    assert torch.isfinite(lower.value)
    assert float(upper.value) >= true[1]
    least, most = (float(getattr(torch.finfo(torch.float32), end)) for end in ("tiny", "max"))
    if true[0] < most:
        assert float(lower.value) >= true[0] * (1 - 1e-4) - 3e-45
    if true[1] < most / 2:
        assert float(upper.value) <= true[1] * (1 + 1e-4) + 3e-45
    if true[0] > most:
        assert float(lower.value) == most
        assert float(upper.value) == np.inf
    if true[1] < least * 1e-10:
        assert float(lower.value) == 0


@pytest.mark.parametrize("upward", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_number_is_rounded_to_the_next_one_on_its_side(dtype, upward):
    values = np.array([0.0, 1 / 3, 0.5, 1e-45, 1e-300, 1e300, np.inf])
    found = outward(values, dtype, upward=upward)
    for value, exact in zip(found, values, strict=True):
        if float(value) != exact:
            assert (float(value) > exact) == upward
            inward = torch.tensor(-torch.inf if upward else torch.inf, dtype=dtype)
            next_one = float(torch.nextafter(value, inward))
            assert next_one <= exact if upward else next_one >= exact


BARE = GeneralizedChiSquare([0.0], [[1.0]], [[3.0]], [[0.0]])


def test_what_is_given_is_stated():
    bounds = numeric.law_bounds(BARE, torch.ones(1), 0.1, condition="W, given W φ(x)")
    assert all(bound.reason.endswith("holds for W, given W φ(x)") for bound in bounds)


@pytest.mark.parametrize(
    ("condition", "said"),
    [("", "condition"), (" ", "condition"), (None, "make it by numeric.laws"), (3, "condition")],
)
def test_a_law_of_no_stated_weights_is_refused(condition, said):
    with pytest.raises(InputError, match=said):
        numeric.law_bounds(BARE, torch.ones(1), 0.1, condition=condition)


def test_a_law_has_one_condition():
    g = gaussian(2, WIDTH, seed=2)
    with pytest.raises(InputError, match="give no other condition"):
        numeric.law_bounds(independent_law(STD, g, g), g.norm(dim=1), condition="these weights")


def test_a_conditional_law_is_printed_as_one():
    x, h = gaussian(3, WIDTH, seed=4), gaussian(3, WIDTH, seed=5)
    layer, phi = drawn(3), x.relu()
    law = conditional_law(STD, phi, phi @ layer.weight.T, h, h, x > 0)
    numbers = numeric.evaluate(
        "residual", {"F": nn.Sequential(nn.ReLU(), layer)}, x, h, law=law, spectra=False
    )
    for bound in of_law(numbers).values():
        assert "N(0, 0.3²), given Wφ of the sample" in bound.reason
        assert "independent" not in bound.reason


def laws_of_others(g):
    n = gaussian(*g.shape, seed=7)
    return {
        "100 g": (independent_law(STD, 100 * g, g), "another signal"),
        "other samples": (independent_law(STD, g.flip(0), g), "another signal"),
        "another g": (independent_law(STD, n * g.norm() / n.norm(), g), "another signal"),
        "no skip": (independent_law(STD, g, 0 * g), "another block"),
        "twice the skip": (independent_law(STD, g, 2 * g), "another block"),
        "another width": (independent_law(STD, g, g[:, :3]), "another block"),
        "no draws": (independent_law(STD, g, g).scaled(1.0), "does not say"),
        "no signal": (shared_law(STD, *[g[:, None]] * 2, pull(g), g), "no known signal"),
    }


def pull(g):
    return torch.eye(WIDTH).double().expand(len(g), WIDTH, WIDTH, WIDTH)


@pytest.mark.parametrize("name", laws_of_others(torch.ones(2, WIDTH)))
def test_a_law_of_something_else_is_refused(name):
    g = gaussian(3, WIDTH, seed=2)
    law, why = laws_of_others(g)[name]
    with pytest.raises(InputError, match=why):
        numeric.evaluate("residual", {"F": drawn(3)}, g, g, law=law, spectra=False)


def test_norms_of_other_signals_are_refused():
    g = gaussian(3, WIDTH, seed=2)
    with pytest.raises(InputError, match="another signal"):
        numeric.law_bounds(independent_law(STD, g, g), 2 * g.norm(dim=1))


@pytest.mark.parametrize(
    ("term", "skip", "widths"), [("plain", False, 1), ("residual", True, 1), ("dense", True, 2)]
)
def test_a_law_of_the_block_is_taken_whatever_the_block(term, skip, widths):
    x, g = gaussian(3, WIDTH, seed=4), gaussian(3, widths * WIDTH, seed=5)
    h, rest = g[:, :WIDTH], g[:, -WIDTH:]
    law = independent_law(STD, h, rest if skip else 0 * rest, signal=g)
    numbers = numeric.evaluate(term, {"F": drawn(3)}, x, g, law=law, spectra=False)
    expected = gain_quantiles(law, g.norm(dim=1), 1e-6)
    for side, end in zip(("lower", "upper"), expected, strict=True):
        assert of_law(numbers)[side].value.numpy() == pytest.approx(end, rel=1e-12)


def test_a_weight_may_be_in_one_branch_of_two():
    x, g = gaussian(3, WIDTH, seed=4), gaussian(3, WIDTH, seed=5)
    leaves, term = {"F": drawn(3), "G": drawn(4)}, Add(Identity(), Layer("F"), Layer("G"))
    law = independent_law(STD, g, g + g @ leaves["G"].weight.detach())
    assert of_law(numeric.evaluate(term, leaves, x, g, law=law, spectra=False))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_signal_is_the_same_up_to_its_precision(dtype):
    g = gaussian(3, WIDTH, seed=5)
    assert of_law(evaluated(g, dtype))


@pytest.mark.parametrize("law", [None, 3.0, GeneralizedChiSquare(0.0, [1.0], [1.0], [0.0])])
def test_what_is_no_batch_of_laws_is_refused(law):
    with pytest.raises(InputError, match="law"):
        numeric.law_bounds(law, torch.ones(2), 0.1)
