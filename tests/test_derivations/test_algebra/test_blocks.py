"""The named blocks: found by name, and each put together as its labels and dimensions say."""

import pytest

from derivations.algebra.blocks import BLOCKS, PAPER_BLOCKS, block, term_of
from derivations.algebra.notation import notation_of
from derivations.algebra.terms import Add, Identity, Layer, Term, leaves, parts_of
from derivations.errors import InputError


def test_named_blocks_are_found_and_unknown_ones_refused():
    assert block("residual").term == Add(Layer("F"), Identity())
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


def test_a_structure_is_given_as_a_term_a_block_or_a_name():
    term = BLOCKS["residual"].term
    assert term_of(term) is term_of(BLOCKS["residual"]) is term_of("residual") is term
    with pytest.raises(InputError, match="a int is no block: pass a term, a Block, or one of"):
        term_of(3)
    with pytest.raises(InputError, match="unknown block 'resnet'"):
        term_of("resnet")


def within(term: Term) -> set[Term]:
    """The term and all terms that it is put together from."""
    return {term}.union(*map(within, parts_of(term)))


def heads(term: Term) -> set[Term]:
    """The terms whose values are met in a block: subterms, and the first parts of chains."""
    return within(term).union(
        *(
            {type(each)(*each.parts[:count]) for count in range(1, len(each.parts))}
            for each in within(term)
            if hasattr(each, "parts")
        )
    )


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_says_nothing_of_what_it_does_not_hold(name):
    found = BLOCKS[name]
    assert found.name == name
    assert set(found.labels) <= heads(found.term)
    assert set(found.branch) <= {leaf.name for leaf in leaves(found.term)}


@pytest.mark.parametrize("name", BLOCKS)
def test_the_dimensions_of_a_block_fit_its_term(name):
    """A skip keeps the dimension n of x; a branch with a projection leads to m."""
    outputs = {"plain": "m", "projection": "m", "dense": "k + n"}
    notation = notation_of(BLOCKS[name], "operator")
    assert str(notation.dimension_of(notation.term)) == outputs.get(name, "n")
