"""The facts that proofs rest on: those that the definitions give, each true on drawn matrices."""

import numpy as np
import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import notation_of
from derivations.algebra.quantities import (
    AXIOMS,
    BRANCH_GAIN,
    COSINE,
    KNOWN_SLOPES,
    LAMBDA,
    MU,
    RATIO,
    SIGMA_MAX,
    SIGMA_MIN,
    Cosine,
    NormRatio,
    NumericalRange,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    adjoint_image,
    facts,
)
from derivations.checker.quantity_samples import quantity_samples
from derivations.rules.bounds import bounds
from derivations.theorems.equations import equations

A = sp.MatrixSymbol("A", 3, 3)
U, V = sp.MatrixSymbol("u", 3, 1), sp.MatrixSymbol("v", 3, 1)
IMAGE = adjoint_image(A, U)


DERIVATIONS = {
    f"{name} {theorem.derivation.title}": theorem.derivation
    for name, block in BLOCKS.items()
    for theorem in bounds(notation_of(block, "operator")).theorems
}


@pytest.mark.parametrize("name", DERIVATIONS)
def test_every_fact_holds_on_drawn_matrices(name):
    derivation = DERIVATIONS[name]
    samples = quantity_samples(derivation)
    assert len(samples) >= 10
    for fact, axiom in facts(derivation.quantities, derivation.notation.meanings).items():
        values = np.array([float(fact.subs(sample)) for sample in samples])
        assert (values >= -1e-9).all(), fact
        assert values.max() > 1e-3 or axiom == KNOWN_SLOPES, (
            f"{fact} is never positive: it is vacuous"
        )


def test_every_axiom_is_used_and_has_a_source():
    used = {
        axiom
        for derivation in DERIVATIONS.values()
        for axiom in facts(derivation.quantities, derivation.notation.meanings).values()
    }
    assert used == set(AXIOMS)
    assert all(statement and source for statement, source in AXIOMS.values())


def test_the_frobenius_fact_holds_too():
    derivation = next(e.derivation for e in equations() if (e.id, e.reading) == ("eq6", "operator"))
    for fact in facts(derivation.quantities):
        assert all(float(fact.subs(sample)) >= -1e-9 for sample in quantity_samples(derivation))


def test_a_ratio_to_its_own_argument_is_between_the_singular_values():
    found = facts(
        (
            Quantity(BRANCH_GAIN, NormRatio(IMAGE, U)),
            Quantity(SIGMA_MAX, SigmaMax(A)),
            Quantity(SIGMA_MIN, SigmaMinAdjoint(A)),
        )
    )
    assert set(found) == {SIGMA_MAX - BRANCH_GAIN, BRANCH_GAIN - SIGMA_MIN}


def test_a_ratio_to_another_vector_is_not():
    """‖Aᵀu‖/‖v‖ exceeds σ_max where ‖u‖ > ‖v‖: only σ_max · ‖u‖/‖v‖ bounds it."""
    found = facts(
        (
            Quantity(BRANCH_GAIN, NormRatio(IMAGE, V)),
            Quantity(SIGMA_MAX, SigmaMax(A)),
            Quantity(SIGMA_MIN, SigmaMinAdjoint(A)),
        )
    )
    assert found == {}
    found = facts(
        (
            Quantity(BRANCH_GAIN, NormRatio(IMAGE, V)),
            Quantity(RATIO, NormRatio(U, V)),
            Quantity(SIGMA_MAX, SigmaMax(A)),
        )
    )
    assert set(found) == {SIGMA_MAX * RATIO - BRANCH_GAIN}


def test_the_numerical_range_needs_the_cosine_of_the_same_pair():
    pair = (Quantity(BRANCH_GAIN, NormRatio(IMAGE, U)), Quantity(COSINE, Cosine(U, IMAGE)))
    extremes = (Quantity(MU, NumericalRange(A, -1)), Quantity(LAMBDA, NumericalRange(A, +1)))
    assert set(facts(pair + extremes)) == {
        1 + COSINE,
        1 - COSINE,
        COSINE * BRANCH_GAIN - MU,
        LAMBDA - COSINE * BRANCH_GAIN,
    }
    other = (Quantity(BRANCH_GAIN, NormRatio(IMAGE, U)), Quantity(COSINE, Cosine(V, IMAGE)))
    assert set(facts(other + extremes)) == {1 + COSINE, 1 - COSINE}
    another = (Quantity(MU, NumericalRange(A.T, -1)),)
    assert set(facts(pair + another)) == {1 + COSINE, 1 - COSINE}
