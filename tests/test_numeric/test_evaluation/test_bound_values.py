"""Where runs of spectra stop: no bound is then further from its end than it may be."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest
import torch
from strategies import gaussian
from torch import nn
from twins import dense_twin

from derivations.algebra.terms import Add, Chain, Identity, Layer, Linear
from numeric.evaluation.activation_point import Point
from numeric.evaluation.block_numbers import needs_spectra
from numeric.evaluation.bound_values import worst
from numeric.evaluation.evaluate import evaluate
from numeric.operators import krylov, spectra
from numeric.operators.jacobian_operator import JacobianOperator
from numeric.operators.ritz_ends import Enclosure

N = 120
X, G = gaussian(3, N, seed=0), gaussian(3, N, seed=1)
RESIDUAL = Add(Layer("F"), Identity())


def branch(size: float) -> nn.Module:
    """A random layer whose samples have Jacobians of their own, of spectral norm about `size`."""
    layer = nn.Linear(N, N, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(size / (2 * N**0.5) * gaussian(N, N, seed=2))
    return nn.Sequential(layer, nn.Tanh())


@pytest.fixture
def pushes() -> Iterator[list[int]]:
    made, push = [], JacobianOperator._push
    with patch.object(JacobianOperator, "_push", lambda self, v: made.append(1) or push(self, v)):
        yield made


@pytest.mark.parametrize("rtol", [0.3, 0.1, 1e-2])
def test_no_bound_is_further_from_the_end_than_it_may_be(rtol, pushes):
    full = evaluate(RESIDUAL, {"F": branch(0.6)}, X, G, steps=N)
    all_of_them = len(pushes)
    early = evaluate(RESIDUAL, {"F": branch(0.6)}, X, G, steps=N, rtol=rtol)
    assert len(pushes) - all_of_them < all_of_them / 2
    moved = 0.0
    for there, here in zip(full.bounds, early.bounds, strict=True):
        assert there.id == here.id
        off = (there.value - here.value) * (1 if here.side == "lower" else -1)
        assert (off >= -1e-9).all(), here.id
        assert (off <= rtol * torch.maximum(here.value, full.gain) + 1e-9).all(), here.id
        moved = max(moved, float((off / torch.maximum(here.value, full.gain)).max()))
    assert moved > rtol / 30  # it does stop there, not far beyond


@pytest.mark.parametrize("rtol", [0.1, 1e-2])
def test_bounds_of_several_runs_stop_where_each_is_narrow(rtol, pushes):
    term = Chain(Linear("A"), Layer("F"))
    leaves = {"A": nn.Linear(N, N).double(), "F": branch(1.0)}
    evaluate(term, leaves, X, G, steps=N)
    all_of_them = len(pushes)
    found = {b.id: b.value for b in evaluate(term, leaves, X, G, steps=N, rtol=rtol).bounds}
    assert len(pushes) < 2 * all_of_them
    truth = dense_twin.sigma_max(leaves["A"].weight.detach()[None]) * dense_twin.sigma_max(
        dense_twin.jacobian(leaves["F"], leaves["A"](X).detach())
    )
    assert (found["norms.factors.upper"] >= truth - 1e-9).all()
    assert (found["norms.factors.upper"] <= truth / (1 - rtol) ** 2 + 1e-9).all()


def test_a_run_whose_bounds_cannot_move_any_more_ends(pushes):
    """A branch that is large in both directions: no Rayleigh quotient says anything then."""
    leaves = {"F": branch(6.0)}
    found = evaluate(RESIDUAL, leaves, X, G, steps=40)
    made = len(pushes)
    with patch.object(spectra, "_FEW", ()):
        whole = evaluate(RESIDUAL, leaves, X, G, steps=40)
    assert len(pushes) - made - made >= 30
    for there, here in zip(whole.bounds, found.bounds, strict=True):
        assert here.value.equal(there.value), here.id
        assert here.delta == there.delta
    values = {bound.id: bound.value for bound in found.bounds}
    assert not values["residual.numerical_range.lower"].any()
    assert not values["residual.uniform.lower"].any()


def test_runs_are_as_long_as_they_were_where_every_bound_may_move(pushes):
    counts: list[list[int]] = []
    capped = krylov._capped
    with patch.object(krylov, "_capped", lambda c, n: counts.append(capped(c, n)) or counts[-1]):
        evaluate(RESIDUAL, {"F": branch(0.6)}, X, G, steps=40)
    assert [each[-1] for each in counts] == [40, 40, 40]
    assert len(pushes) >= 3 * 40


def test_the_inner_ends_bring_no_bound_below_what_is_said():
    """Every bound of spectra says more at the inner ends, or the same."""
    point = Point(RESIDUAL, {"F": branch(0.6)}, X, G)
    low, high = torch.tensor([0.2, 0.5, 1.1]), torch.tensor([0.4, 0.7, 1.6])
    ends = Enclosure(low, high, 1e-6, low)
    seen = 0
    for bound in filter(needs_spectra, point.derived.bounds.bounds):
        found = [ends] * len(bound.quantities)
        said, hoped = (worst(bound, found, low, inner) for inner in (False, True))
        sign = 1 if bound.side == "lower" else -1
        assert (sign * (hoped - said) >= 0).all(), bound.id
        seen += int((hoped != said).any())
    assert seen >= 6


def test_vectors_kept_in_float32_change_bounds_by_their_rounding():
    there, here = (
        evaluate(RESIDUAL, {"F": branch(0.6)}, X, G, steps=N, basis=basis)
        for basis in (None, "float32")
    )
    for exact, rounded in zip(there.bounds, here.bounds, strict=True):
        off = (exact.value - rounded.value) * (1 if exact.side == "lower" else -1)
        assert (off >= -1e-12).all(), exact.id
        assert (off <= 2e-4).all(), exact.id
    assert any(not a.value.equal(b.value) for a, b in zip(there.bounds, here.bounds, strict=True))
