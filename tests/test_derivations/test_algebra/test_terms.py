"""Terms: equal by structure, immutable, and unknown nodes named by every operation."""

import pytest

from derivations.algebra.notation import Notation
from derivations.algebra.shapes import output_dim
from derivations.algebra.terms import (
    Add,
    Chain,
    Concat,
    Identity,
    Layer,
    Linear,
    Pointwise,
    Term,
    leaves,
)
from derivations.errors import InputError, UnknownNodeError
from derivations.rules.bounds import bound_rule
from derivations.rules.jacobian import jacobian_rule, pullback_rule

F, G, W, PHI = Layer("F"), Layer("G"), Linear("W"), Pointwise("phi")


def test_equal_structure_is_equal_and_hashes_alike():
    assert Add(F, Identity()) == Add(Layer("F"), Identity())
    assert hash(Add(F, Identity())) == hash(Add(Layer("F"), Identity()))
    assert len({Add(F), Chain(F), Concat(F), F, Linear("F"), Pointwise("F")}) == 6


@pytest.mark.parametrize("parts", [(), (1,), (F, "G"), (F, None)])
@pytest.mark.parametrize("node", [Add, Chain, Concat])
def test_a_composite_refuses_what_is_not_a_term(node, parts):
    with pytest.raises(InputError, match=node.__name__):
        node(*parts)


def test_terms_are_immutable():
    with pytest.raises(AttributeError):
        Add(F, G).parts = ()
    with pytest.raises(AttributeError):
        F.name = "G"


def test_an_unknown_node_is_named_by_every_operation():
    class Mystery(Term):
        pass

    notation = Notation(F, {"F": ("m", "n")}, "operator")
    operations = [
        lambda: output_dim(Mystery(), 2, {}),
        lambda: jacobian_rule(Mystery(), Identity(), notation),
        lambda: pullback_rule(Mystery(), Identity(), notation, notation.signal()),
        lambda: bound_rule(Mystery(), notation),
        lambda: Notation(Mystery(), {}, "operator").signal(),
        lambda: leaves(Add(Mystery(), Identity())),
    ]
    for operation in operations:
        with pytest.raises(UnknownNodeError, match="Mystery"):
            operation()
