"""Defines an equation of the paper as it is transcribed, held against what is derived.

An `Equation` is one equation in one reading: a derivation, and the paper's own statements as
`Claim`s, which the checker judges like any other step.
"""

from dataclasses import dataclass

from derivations.algebra.notation import Reading
from derivations.algebra.steps import Derivation, Step


@dataclass(frozen=True)
class Claim:
    """A statement of the paper, as a step that may or may not hold; `name` tells it from the other
    claims of its equation.
    """

    name: str
    statement: str
    step: Step


@dataclass(frozen=True)
class Equation:
    """One equation of the paper in one reading; `result` is the step of the derivation that states
    it.

    `result_label` says in LaTeX what the result is about, where its two sides do not show it.
    """

    id: str
    reading: Reading
    transcribed_latex: str
    derivation: Derivation
    result: Step
    claims: tuple[Claim, ...]
    result_label: str = ""
