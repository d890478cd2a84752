"""Writes what a block computes as LaTeX, read off its term: one rule per node."""

from collections.abc import Mapping
from functools import singledispatch

from derivations.algebra.notation import leaf_latex
from derivations.algebra.terms import Add, Chain, Complement, Concat, Gate, Identity, Leaf, Term
from derivations.errors import UnknownNodeError

Labels = Mapping[Term, str]


@singledispatch
def formula(term: Term, value: str, labels: Labels) -> str:
    """LaTeX of the term applied to `value`; subterms in `labels` go by their names."""
    raise UnknownNodeError(
        f"no formula for {type(term).__name__}: register one in derivations/algebra/formula.py"
    )


@formula.register
def _(term: Identity, value: str, labels: Labels) -> str:
    return value


@formula.register
def _(term: Complement, value: str, labels: Labels) -> str:
    return f"1 - {value}"


@formula.register
def _(term: Leaf, value: str, labels: Labels) -> str:
    return f"{leaf_latex(term)}({value})"


@formula.register
def _(term: Chain, value: str, labels: Labels) -> str:
    first, *rest = term.parts
    value = named(first, value, labels)
    for part in rest:
        value = formula(part, value, {})
    return value


@formula.register
def _(term: Add, value: str, labels: Labels) -> str:
    return " + ".join(named(part, value, labels) for part in term.parts)


@formula.register
def _(term: Concat, value: str, labels: Labels) -> str:
    return r" \,\Vert\, ".join(named(part, value, labels) for part in term.parts)


@formula.register
def _(term: Gate, value: str, labels: Labels) -> str:
    factors = (named(part, value, labels) for part in (term.gate, term.signal))
    return r" \odot ".join(
        rf"\left({factor}\right)" if " + " in factor or " - " in factor else factor
        for factor in factors
    )


def named(term: Term, value: str, labels: Labels) -> str:
    """The label of a term, or its formula."""
    return labels[term] if term in labels else formula(term, value, labels)
