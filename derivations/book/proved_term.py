"""Proves the pullback and the bounds of any term, for every size its leaves can have.

Limits are left out: they are about a branch that vanishes, and a term names none.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from derivations.algebra.notation import Notation
from derivations.algebra.printing import step_latex, step_text
from derivations.algebra.steps import Derivation
from derivations.algebra.symbolic_dims import symbolic_dims
from derivations.algebra.terms import Term
from derivations.book.proof_chain import bound_step, passed
from derivations.checker.check import CheckedStep, check
from derivations.errors import ViolationError
from derivations.rules.bounds import bounds
from derivations.rules.jacobian import linearize


@dataclass(frozen=True)
class ProvedTerm:
    """∂L/∂x of a term, as text and as LaTeX, and the LaTeX of its bounds by id."""

    text: str
    latex: str
    bounds: dict[str, str]


@lru_cache(maxsize=512)
def prove(term: Term) -> ProvedTerm:
    """Derives and checks what there is to say of a term.

    Raises ViolationError that names a step which fails a check, or a bound that no step says.
    """
    sizes = symbolic_dims(term)
    notation = Notation(term, sizes.dims, "operator", inputs=sizes.inputs)
    line = linearize(notation)
    checked = list(_judged(line.derivation))
    said: dict[str, str] = {}
    for theorem in bounds(notation).theorems:
        judged = list(_judged(theorem.derivation))
        checked += judged
        for bound in theorem.bounds:
            step = bound_step(bound, passed(judged))
            if step is None:
                raise ViolationError(f"no step that passed its checks says the bound {bound.id}")
            said[bound.id] = step_latex(step, notation)
    for each in checked:
        if not each.ok:
            raise ViolationError(f"step {each.step.rule!r} fails: {step_text(each.step)}")
    pullback = line.derivation.steps[-1]
    return ProvedTerm(step_text(pullback, notation), step_latex(pullback, notation), said)


def _judged(derivation: Derivation) -> Iterator[CheckedStep]:
    steps = tuple(step for step in derivation.steps if step.vanishing is None)
    yield from check(replace(derivation, steps=steps))
