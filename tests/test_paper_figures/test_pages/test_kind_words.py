"""Every kind of block has its phrase."""

from typing import get_args

from numeric.capture.kinds import Kind
from paper_figures.pages.kind_words import KINDS, kinds_of


def test_every_kind_has_a_phrase():
    assert set(KINDS) == set(get_args(Kind))
    assert all(KINDS.values())


def test_those_that_occur_are_listed_once():
    found = kinds_of(["plain", "gated_residual", "plain"])
    assert list(found) == ["plain", "gated residual"]
