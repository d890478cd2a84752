"""Quantities on drawn matrices: their values against NumPy's, and what they refute."""

import numpy as np
import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    COSINE,
    FROBENIUS,
    GAIN,
    LAMBDA,
    MU,
    SIGMA_MAX,
    SIGMA_MIN,
    Cosine,
    Frobenius,
    NormRatio,
    NumericalRange,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    adjoint_image,
)
from derivations.algebra.steps import Derivation, Step
from derivations.algebra.terms import Identity
from derivations.checker.drawn_instance import Draw, Instance
from derivations.checker.quantity_samples import (
    FEWEST_SAMPLES,
    evaluate,
    holds_on_samples,
    quantity_samples,
    quantity_values,
)
from derivations.rules.bounds import bounds

T, C = BRANCH_GAIN, COSINE
SAMPLES = ({T: 0.5, C: -1.0}, {T: 2.0, C: 0.25})


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (sp.Integer(3), [3, 3]),
        (T, [0.5, 2]),
        (1 + 2 * C * T + T**2, [0.25, 6]),
        (sp.sqrt(T), [np.sqrt(0.5), np.sqrt(2)]),
        (sp.Abs(1 - T), [0.5, 1]),
        (sp.Max(1 - T, 0), [0.5, 0]),
        (sp.Min(C, 0), [-1, 0]),
    ],
    ids=str,
)
def test_expressions_at_samples(expr, expected):
    assert evaluate(expr, SAMPLES) == pytest.approx(expected)


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="cannot evaluate sin"):
        evaluate(sp.sin(T), SAMPLES)
    with pytest.raises(KeyError):
        evaluate(GAIN, SAMPLES)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2)])
def test_quantities_are_numpys(shape):
    notation = Notation(Identity(), {}, "operator")
    a, v = notation.free("A", *shape), notation.free("v", shape[0])
    image = adjoint_image(a, v)
    quantities = [
        Quantity(BRANCH_GAIN, NormRatio(image, v)),
        Quantity(SIGMA_MAX, SigmaMax(a)),
        Quantity(SIGMA_MIN, SigmaMinAdjoint(a)),
        Quantity(FROBENIUS, Frobenius(a)),
    ]
    if shape[0] == shape[1]:
        quantities += [
            Quantity(COSINE, Cosine(v, image)),
            Quantity(MU, NumericalRange(a, -1)),
            Quantity(LAMBDA, NumericalRange(a, 1)),
        ]
    instance = Instance(notation, Draw(5))
    found = quantity_values(Derivation("x", notation, (), tuple(quantities)), instance)
    matrix, column = (
        np.array(instance.evaluate(each).to_Matrix().tolist(), dtype=float) for each in (a, v)
    )
    units = np.random.default_rng(0).standard_normal((shape[0], 2000))
    reached = np.linalg.norm(matrix.T @ (units / np.linalg.norm(units, axis=0)), axis=0)
    assert found[BRANCH_GAIN] == pytest.approx(
        np.linalg.norm(matrix.T @ column) / np.linalg.norm(column)
    )
    assert found[FROBENIUS] == pytest.approx(np.sqrt((matrix**2).sum()))
    assert found[SIGMA_MIN] <= reached.min() <= reached.max() <= found[SIGMA_MAX] * (1 + 1e-12)
    assert found[SIGMA_MAX] <= 1.1 * reached.max()
    assert (found[SIGMA_MIN] == 0) == (shape[0] > shape[1])
    if shape[0] == shape[1]:
        inner = float((column.T @ matrix.T @ column)[0, 0])
        sizes = np.linalg.norm(column) * np.linalg.norm(matrix.T @ column)
        assert found[COSINE] == pytest.approx(inner / sizes)
        assert found[MU] <= found[COSINE] * found[BRANCH_GAIN] <= found[LAMBDA]


def test_a_cosine_of_nothing_is_0_and_a_ratio_to_nothing_is_none():
    notation = Notation(Identity(), {}, "operator")
    v = notation.free("v", "n")
    nothing = sp.ZeroMatrix(*v.shape)
    derivation = Derivation(
        "x",
        notation,
        (),
        (Quantity(COSINE, Cosine(v, nothing)), Quantity(GAIN, NormRatio(v, nothing))),
    )
    found = quantity_values(derivation, Instance(notation, Draw()))
    assert found[COSINE] == 0
    assert np.isnan(found[GAIN])
    assert quantity_samples(derivation) == ()


@pytest.fixture(name="residual", scope="module")
def residual_derivation() -> Derivation:
    return bounds(notation_of(BLOCKS["residual"], "operator")).structural.derivation


def test_relations_hold_on_all_samples_or_not_at_all(residual):
    true, false = Step("x", GAIN, "<=", 1 + T), Step("x", GAIN, "<=", 1 + T / 2)
    assert holds_on_samples(true, residual)
    assert not holds_on_samples(false, residual)
    assert holds_on_samples(Step("x", 1 + T, ">=", GAIN), residual)
    assert holds_on_samples(Step("x", GAIN**2, "=", 1 + 2 * C * T + T**2), residual)
    assert not holds_on_samples(Step("x", GAIN, "=", 1 + T), residual)
    assert not holds_on_samples(
        Step("x", GAIN / T, "<=", (1 + T) / T), residual
    )  # t is 0 somewhere
    with pytest.raises(ValueError, match="not a relation between numbers"):
        holds_on_samples(Step("x", GAIN, "->", T), residual)


def test_there_are_more_samples_than_the_fewest(residual):
    assert len(quantity_samples(residual)) > FEWEST_SAMPLES
