"""Lists every theorem, and every fact that is cited rather than proved."""

from derivations.algebra import quantities
from derivations.algebra.steps import Theorem
from derivations.laws import depth_axioms, law
from derivations.laws.depth_laws import depth_laws
from derivations.laws.gaussian_moments import layers, moments
from derivations.laws.law import Axiom
from derivations.laws.law_catalogue import laws
from derivations.laws.open_depth_laws import open_depth_laws
from derivations.laws.published_laws import published_laws
from derivations.theorems import dense_block, dense_step, equation4, equation6, gates, stacks

MODULES = (gates, dense_step, equation4, equation6, dense_block, stacks)


def theorems() -> tuple[Theorem, ...]:
    """All theorems, in the order of the derivation book."""
    exact = (theorem for module in MODULES for theorem in module.theorems())
    in_law = (each.theorem for each in laws())
    with_depth = (
        moments(),
        layers(),
        *(each.theorem for each in depth_laws()),
        *open_depth_laws(),
        *published_laws(),
    )
    return (*exact, *in_law, *with_depth)


def axioms() -> tuple[Axiom, ...]:
    """The axioms of all proofs: of norms and angles, of Gaussian matrices, of deep networks."""
    return (
        *(
            Axiom(name, statement, source)
            for name, (statement, source) in quantities.AXIOMS.items()
        ),
        *law.AXIOMS,
        *depth_axioms.AXIOMS,
    )
