"""Lists every theorem, and every fact that is cited rather than proved."""

from collections.abc import Iterable
from types import ModuleType

from derivations.algebra import quantities
from derivations.algebra.steps import Theorem
from derivations.laws import depth_axioms, every_loss_law, law
from derivations.laws.depth_laws import depth_laws
from derivations.laws.every_loss_law import every_loss_laws
from derivations.laws.gaussian_moments import layers, moments
from derivations.laws.law import Axiom
from derivations.laws.law_catalogue import laws
from derivations.laws.open_depth_laws import open_depth_laws
from derivations.laws.padded_depth_laws import padded_depth_laws
from derivations.laws.published_laws import published_laws
from derivations.laws.scaled_depth_laws import scaled_depth_laws
from derivations.theorems import (
    dense_block,
    dense_step,
    equation4,
    equation6,
    every_loss,
    every_loss_batches,
    every_loss_labels,
    every_loss_parameters,
    every_loss_pencil,
    gates,
    normalization,
    scaled_branches,
    stacks,
)

MODULES = (gates, normalization, dense_step, equation4, equation6, dense_block, stacks)
FOR_EVERY_LOSS = (
    every_loss_pencil,
    every_loss,
    every_loss_labels,
    every_loss_batches,
    every_loss_parameters,
    scaled_branches,
)
"""Modules of theorems, in the order of the book; two groups, to be judged side by side."""


def theorems() -> tuple[Theorem, ...]:
    """All theorems, in the order of the derivation book."""
    return (*of_modules(MODULES), *of_modules(FOR_EVERY_LOSS), *in_law())


def of_modules(modules: Iterable[ModuleType]) -> tuple[Theorem, ...]:
    """The theorems of some modules."""
    return tuple(theorem for module in modules for theorem in module.theorems())


def in_law() -> tuple[Theorem, ...]:
    """The results about random weights, and the moments that they need."""
    return (
        *(each.theorem for each in laws()),
        *every_loss_laws(),
        moments(),
        layers(),
        *(each.theorem for each in depth_laws()),
        *open_depth_laws(),
        *scaled_depth_laws(),
        *padded_depth_laws(),
        *published_laws(),
    )


def axioms() -> tuple[Axiom, ...]:
    """The axioms of all proofs: of norms and angles, of cones, of compositions, of Gaussian
    matrices, of deep networks.
    """
    return (
        *(
            Axiom(name, statement, source)
            for name, (statement, source) in quantities.AXIOMS.items()
        ),
        Axiom(*every_loss_labels.S_LEMMA),
        Axiom(*scaled_branches.NEAR_IDENTITY),
        *law.AXIOMS,
        *every_loss_law.AXIOMS,
        *depth_axioms.AXIOMS,
    )
