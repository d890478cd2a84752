"""Walks matrix expressions part by part, each distinct part once.

A pullback through N sums has a few N distinct parts and 2^N paths to them: what walks paths, as
SymPy's own methods do, takes as long as the expression is when written out.
"""

from collections.abc import Iterator, Mapping, Sequence
from weakref import WeakKeyDictionary, ref

import sympy as sp
from sympy.core.sorting import default_sort_key
from sympy.matrices.expressions.slice import MatrixSlice

_kept: WeakKeyDictionary[sp.Basic, ref[sp.Basic]] = WeakKeyDictionary()


def kept(expr: sp.Basic) -> sp.Basic:
    """The same object for equal matrix expressions, as long as one is in use.

    Others are compared along every path to their parts, and SymPy's caches compare whatever has
    been derived before. Scalars, which are short, are left as they are.
    """
    if not isinstance(expr, sp.MatrixExpr):
        return expr
    known = _kept.get(expr)
    found = known() if known else None
    if found is None:
        found = expr
        _kept[expr] = ref(expr)
    return found


def distinct_parts(expr: sp.Basic) -> Iterator[sp.Basic]:
    """The expression and everything that it is made of, each once."""
    met, waiting = {expr}, [expr]
    while waiting:
        part = waiting.pop()
        yield part
        new = [each for each in part.args if each not in met]
        met.update(new)
        waiting.extend(dict.fromkeys(new))


def contains(expr: sp.Basic, kinds: type | tuple[type, ...]) -> bool:
    """Whether a part is of one of the kinds."""
    return any(isinstance(part, kinds) for part in distinct_parts(expr))


def matrix_letters(expr: sp.Basic) -> set[sp.MatrixSymbol]:
    """The matrix symbols of an expression."""
    return {part for part in distinct_parts(expr) if isinstance(part, sp.MatrixSymbol)}


def written_length(expr: sp.Basic, known: dict[sp.Basic, int] | None = None) -> int:
    """How many symbols and signs the expression has when it is written out."""
    known = {} if known is None else known
    if expr not in known:
        known[expr] = 1 + sum(written_length(part, known) for part in expr.args)
    return known[expr]


def added(addends: Sequence[sp.MatrixExpr]) -> sp.MatrixExpr:
    """`sp.MatAdd(*addends).doit(deep=False)`, without looking at shapes where nothing can be put
    together: SymPy looks at those of all parts of each addend.
    """
    parts = [
        part for each in addends for part in (each.args if isinstance(each, sp.MatAdd) else (each,))
    ]
    if len(set(parts)) < len(parts) or len(parts) < 2 or not all(map(_stands_alone, parts)):
        return sp.MatAdd(*addends).doit(deep=False)
    return sp.MatAdd(*sorted(parts, key=default_sort_key))


def _stands_alone(part: sp.MatrixExpr) -> bool:
    """Whether it has no coefficient, and is no matrix that SymPy may add up or leave out."""
    if isinstance(part, sp.MatMul):
        return bool(part.args[0].is_Matrix)
    return isinstance(part, sp.MatrixSymbol | sp.Transpose | MatrixSlice)


def replaced(
    expr: sp.Basic,
    values: Mapping[sp.Basic, sp.Basic],
    known: dict[sp.Basic, sp.Basic] | None = None,
) -> sp.Basic:
    """`expr.xreplace(values).doit()`, in whose arguments nothing is left undone. `known` keeps what
    was replaced, for expressions that share parts.
    """
    known = {} if known is None else known
    if expr in values:
        return values[expr]
    if not expr.args:
        return expr
    if expr not in known:
        parts = [replaced(part, values, known) for part in expr.args]
        known[expr] = kept(expr.func(*parts).doit(deep=False))
    return known[expr]
