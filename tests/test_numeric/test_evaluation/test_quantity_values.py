"""Quantities of bounds at an activation: against explicit matrices, found once, refused by name."""

import math
from unittest.mock import patch

import pytest
import torch
from strategies import gaussian
from torch import nn
from twins import dense_twin

from derivations.algebra.blocks import DENSE
from derivations.algebra.quantities import (
    Cosine,
    Frobenius,
    NormRatio,
    NumericalRange,
    SigmaMax,
    SigmaMinAdjoint,
)
from derivations.algebra.terms import Add, Identity, Layer, Pointwise
from derivations.errors import UnknownNodeError
from numeric.evaluation import quantity_values
from numeric.evaluation.activation_point import Point
from numeric.evaluation.quantity_values import QuantityValues, quantity
from numeric.settings import Effort

X, G = gaussian(3, 4, seed=0), gaussian(3, 4, seed=1)
BRANCH = nn.Sequential(nn.Linear(4, 4), nn.Tanh()).double()
FULL = Effort(steps=4)


@pytest.fixture
def point() -> Point:
    return Point(Add(Layer("F"), Identity()), {"F": BRANCH}, X, G)


def test_every_quantity_is_that_of_the_explicit_jacobian(point):
    """A full run leaves nothing to chance: the ends hold the dense twin's values, narrowly."""
    jacobian, signal = point.notation.jacobian(Layer("F"), Identity()), point.notation.signal()
    matrices = dense_twin.jacobian(BRANCH, X)
    pulled = torch.einsum("bmn,bm->bn", matrices, G)
    least, largest = dense_twin.symmetric_extremes(matrices)
    expected = {
        NormRatio(jacobian.T * signal, signal): pulled.norm(dim=1) / G.norm(dim=1),
        Cosine(jacobian.T * signal, signal): torch.cosine_similarity(pulled, G),
        SigmaMax(jacobian): dense_twin.sigma_max(matrices),
        SigmaMinAdjoint(jacobian): dense_twin.sigma_min_adjoint(matrices),
        NumericalRange(jacobian, -1): least,
        NumericalRange(jacobian, +1): largest,
    }
    for definition, truth in expected.items():
        found = quantity(definition, point, FULL)[definition]
        assert (found.low <= truth + 1e-14).all(), definition
        assert (truth <= found.high + 1e-14).all(), definition
        assert (found.high - found.low <= 1e-12).all(), definition


def test_ends_that_are_found_in_pairs_are_found_once(point):
    jacobian = point.notation.jacobian(Layer("F"), Identity())
    values = QuantityValues(point, FULL)
    with patch.object(
        quantity_values,
        "enclosed_singular_ends",
        side_effect=quantity_values.enclosed_singular_ends,
    ) as runs:
        largest = values.value("s", SigmaMax(jacobian))
        least = values.value("r", SigmaMinAdjoint(jacobian))
        assert values.value("s", SigmaMax(jacobian)) is largest
    assert runs.call_count == 1
    assert (least.high < largest.low).all()


def test_only_numbers_are_exact_and_enclosures_are_not(point):
    jacobian, signal = point.notation.jacobian(Layer("F"), Identity()), point.notation.signal()
    values = QuantityValues(point, FULL)
    values.value("sigma", SigmaMax(jacobian))
    ratio = values.value("t", NormRatio(jacobian.T * signal, signal))
    assert set(values.exact()) == {"t"}
    assert values.exact()["t"] is ratio.low


def test_the_ends_of_a_diagonal_are_read_off():
    point = Point(Pointwise("phi"), {"phi": torch.square}, X, G)
    slopes = point.notation.jacobian(Pointwise("phi"), Identity())
    found = quantity(SigmaMax(slopes), point, Effort(steps=1))
    assert torch.allclose(found[SigmaMax(slopes)].low, (2 * X).abs().amax(1), rtol=1e-14)
    assert torch.allclose(found[SigmaMinAdjoint(slopes)].high, (2 * X).abs().amin(1), rtol=1e-14)
    assert all(each.delta == 0 and each.low is each.high for each in found.values())


def test_an_unknown_quantity_is_refused(point):
    with pytest.raises(UnknownNodeError, match="no evaluation of object"):
        quantity(object(), None, None)
    with pytest.raises(UnknownNodeError, match="no evaluation of Frobenius"):
        quantity(Frobenius(point.notation.jacobian(Layer("F"), Identity())), point, FULL)


def test_a_ratio_to_a_signal_that_is_zero_is_0_or_infinite():
    """Nothing compared with nothing is 0; anything else is beyond every number. Never NaN."""
    g = torch.tensor([[1.0, 2, 0, 0], [0, 0, 3, 4], [0, 0, 0, 0]], dtype=torch.float64)
    point = Point(DENSE.term, {"F": nn.Linear(2, 2).double()}, X[:1, :2].expand(3, 2), g)
    first, second = (point.notation.signal((part,)) for part in (0, 1))
    found = quantity(NormRatio(first, second), point, FULL)[NormRatio(first, second)]
    assert found.low.tolist() == [math.inf, 0, 0]
    assert found.low is found.high
