"""Columns and values of blocks, enclosed: against floating point, and what does not fit."""

import pytest
import torch
from cases import CHANNELS, SIZE, layers, leaves
from strategies import gaussian
from torch import nn

from derivations.algebra.blocks import BLOCKS, block
from derivations.algebra.quantities import Cosine, NormRatio
from derivations.algebra.terms import Add, Chain, Identity, Layer, Linear, Pointwise
from derivations.errors import InputError, UnknownNodeError
from derivations.rules.bounds import column
from numeric.certified.enclosed_point import EnclosedPoint
from numeric.evaluation.activation_point import Point

X = gaussian(3, CHANNELS, SIZE, SIZE, seed=1)


def signal(name: str, seed: int = 2) -> torch.Tensor:
    return gaussian(3, 2 * CHANNELS if name == "dense" else CHANNELS, SIZE, SIZE, seed=seed)


@pytest.mark.parametrize("name", BLOCKS)
def test_every_column_of_every_block_encloses_what_floating_point_gives(name):
    """Autograd's products and these share no code: they agree to rounding, so neither left anything
    out.
    """
    enclosed = EnclosedPoint(block(name).term, layers(), X, signal(name))
    floating = Point(block(name).term, leaves(), X, signal(name))
    derived = enclosed.derived
    assert floating.derived is derived
    columns = {derived.line.pullback, *(column(bound.base) for bound in derived.bounds.bounds)}
    for quantity in (quantity for bound in derived.bounds.bounds for quantity in bound.quantities):
        if isinstance(quantity.definition, NormRatio):
            columns |= {quantity.definition.numerator, quantity.definition.denominator}
        if isinstance(quantity.definition, Cosine):
            columns |= {quantity.definition.first, quantity.definition.second}
    for expr in columns:
        found, value = enclosed.column(expr), floating.column(expr)
        assert found.shape == value.shape
        assert ((found.mid - value).abs() <= found.rad + 1e-14).all(), expr
        assert (found.rad <= 1e-12 * (1 + value.abs().max())).all(), expr


def test_the_value_of_a_block_is_enclosed():
    term = block("highway").term
    found = EnclosedPoint(term, layers(), X, signal("highway")).value(term)
    assert torch.allclose(
        found.mid, Point(term, leaves(), X, signal("highway")).value(term), rtol=1e-14
    )


def test_weights_of_single_precision_are_taken_as_they_are():
    branch = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
    found = EnclosedPoint(Layer("F"), {"F": branch}, X.float(), signal("plain").float())
    assert torch.allclose(
        found.value(Layer("F")).mid, branch.double()(X.float().double()), rtol=1e-13
    )


F, A, PHI = Layer("F"), Linear("A"), Pointwise("phi")
CONV, TANH = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1).double(), nn.Tanh()


@pytest.mark.parametrize(
    ("term", "given", "error", "message"),
    [
        (F, {}, InputError, "'F' of the term has no layer"),
        (F, {"F": lambda x: x}, UnknownNodeError, "function"),
        (F, {"F": nn.Softmax(1)}, UnknownNodeError, "Softmax"),
        (F, {"F": nn.Conv2d(1, 1, 1).double()}, InputError, "cannot be evaluated"),
        (F, {"F": nn.Conv2d(CHANNELS, 1, 1).double()}, InputError, "output has"),
        (A, {"A": TANH}, InputError, "'A' is not affine"),
        (PHI, {"phi": CONV}, InputError, "each entry by itself"),
        (Pointwise("sigmoid"), {"sigmoid": TANH}, InputError, r"slopes outside \[0, 0.25\]"),
        (
            Add(F, Identity()),
            {"F": nn.Conv2d(CHANNELS, 1, 1).double()},
            InputError,
            "Add joins shapes",
        ),
        (Chain(F, F), {"F": nn.Flatten()}, InputError, "sizes|cannot be evaluated|output has"),
        (F, {"F": nn.Dropout(0.5)}, InputError, "training mode"),
    ],
)
def test_what_does_not_fit_is_refused(term, given, error, message):
    with pytest.raises(error, match=message):
        EnclosedPoint(term, given, X, signal("plain"))


@pytest.mark.parametrize("poison", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("where", ["x", "g"])
def test_tensors_that_are_not_finite_are_refused(poison, where):
    given = {"x": X.clone(), "g": signal("plain")}
    given[where][0, 0] = poison
    with pytest.raises(InputError, match="not finite"):
        EnclosedPoint(F, {"F": CONV}, **given)
