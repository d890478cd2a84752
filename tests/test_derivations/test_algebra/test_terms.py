import pytest

from derivations.algebra.blocks import BLOCKS, PAPER_BLOCKS, block
from derivations.algebra.notation import Notation, compose
from derivations.algebra.shapes import output_dim
from derivations.algebra.terms import (
    Add,
    Chain,
    Concat,
    Gate,
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


def test_composition_is_flat_and_has_identity_as_unit():
    assert compose(Identity(), F) == F == compose(F, Identity())
    assert compose(Chain(F, G), W) == Chain(F, G, W) == compose(F, Chain(G, Identity(), W))
    assert compose(Identity(), Identity()) == Identity()


def test_shapes_follow_the_structure():
    dims = {"F": (3, 2), "W": (2, 3)}
    assert output_dim(Chain(F, W), 2, dims) == 2
    assert output_dim(Concat(F, Identity(), F), 2, dims) == 8
    assert output_dim(Gate(F, Chain(F, PHI)), 2, dims) == 3


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (Add(F, Identity()), "sum"),
        (Gate(F, Identity()), "gate"),
        (Chain(F, F), "F takes inputs of dimension 2, not 3"),
        (G, "'G'"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(term, message):
    with pytest.raises(InputError, match=message):
        output_dim(term, 2, {"F": (3, 2)})


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


def test_named_blocks_are_found_and_unknown_ones_refused():
    assert block("residual").term == Add(F, Identity())
    assert set(PAPER_BLOCKS) == {"plain", "residual", "se_residual", "dense"}
    assert set(BLOCKS) - set(PAPER_BLOCKS) == {
        "projection",
        "post_activation",
        "pre_activation",
        "resnext",
        "input_gate",
        "highway",
    }
    with pytest.raises(InputError, match="plain, residual, se_residual, dense"):
        block("resnet")
