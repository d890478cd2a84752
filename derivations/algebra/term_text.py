"""Reads a term back from what `repr` writes of it.

Nothing is evaluated: the text is parsed, and only the nodes of the algebra are built from it.
"""

import ast

from derivations.algebra.terms import (
    Add,
    Chain,
    Complement,
    Concat,
    Gate,
    Identity,
    Layer,
    Leaf,
    Linear,
    Pointwise,
    Term,
)
from derivations.errors import InputError

NODES: dict[str, type[Term]] = {
    each.__name__: each
    for each in (Add, Chain, Complement, Concat, Gate, Identity, Layer, Linear, Pointwise)
}


def read_term(text: str) -> Term:
    """The term t of which `text` is repr(t); raises InputError for any other text."""
    try:
        return _term(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        said = text if len(text) < 60 else f"{text[:57]}..."
        raise InputError(f"{said!r} is no term: write it as repr() does") from error


def _term(node: ast.AST) -> Term:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise TypeError(ast.dump(node))
    if node.func.id not in NODES:
        raise ValueError(node.func.id)
    kind = NODES[node.func.id]
    named = {str(each.arg): each.value for each in node.keywords}
    if issubclass(kind, Leaf):
        name = named.pop("name", None)
        if node.args or named or not (isinstance(name, ast.Constant) and type(name.value) is str):
            raise TypeError("a leaf has a name and nothing else")
        return kind(name.value)
    return kind(*map(_term, node.args), **{key: _term(value) for key, value in named.items()})
