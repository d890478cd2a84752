"""Proofs and limits: what counts as one, and that a broken rule of calculus confirms nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from test_validate.audited import SOURCES, gathered, rejudged

from derivations.algebra.terms import Add
from derivations.errors import InputError, ViolationError
from derivations.rules.jacobian import pullback_rule
from validate.audit import evidence as evidence_module
from validate.audit.evidence import Counterexample, Sources, decide


def test_nothing_is_both_proved_and_broken():
    proof = gathered("C1").proofs["scalar"]
    with pytest.raises(ViolationError, match="is proved, and there is a counterexample"):
        decide(proof, Counterexample("s", {}, "a", "b"))


def test_a_proof_needs_two_ways_and_a_sound_derivation():
    proof = gathered("C1").proofs["scalar"]
    assert proof.proved
    assert not replace(proof, passed=proof.passed[:1]).proved
    assert not replace(proof, derived=False).proved


def test_a_statement_that_no_derivation_makes_is_refused():
    with pytest.raises(InputError, match="eq1, scalar reading, states no 'nope'"):
        SOURCES.proof("eq1", "scalar", "nope")


def test_bounds_that_fail_their_checks_give_no_limit(monkeypatch):
    real = evidence_module.check
    monkeypatch.setattr(
        evidence_module,
        "check",
        lambda derivation: [replace(step, checks=()) for step in real(derivation)],
    )
    assert rejudged("C2", Sources()).verdict == "undecided"
    assert not Sources().remains("residual").derived


def test_a_block_whose_bounds_have_no_limit_is_left_open(monkeypatch):
    """Neither side is known, nor is it where a bound speaks of another norm."""
    real = evidence_module.bounds

    def without_limits(notation):
        found = real(notation)
        first, *others = found.structural.bounds
        unknown = replace(first, limit=first.quantities[0].symbol)
        structural = replace(found.structural, bounds=(unknown, *map(elsewhere, others)))
        singular, norms = (
            replace(each, bounds=tuple(map(elsewhere, each.bounds)))
            for each in (found.singular, found.norms)
        )
        return replace(found, structural=structural, singular=singular, norms=norms)

    def elsewhere(bound):
        return replace(bound, base=2 * bound.base)

    monkeypatch.setattr(evidence_module, "bounds", without_limits)
    remains = Sources().remains("residual")
    assert (remains.lower, remains.upper) == (0.0, float("inf"))
    found = rejudged("C15", Sources())  # whose limits are those of the bounds
    assert "inf of the residual block remain" in found.summary


@pytest.fixture
def _a_pullback_without_the_skip() -> Iterator[None]:
    """The sum rule forgets its last part."""
    original = pullback_rule.dispatch(Add)

    def broken(term: Add, point: Any, notation: Any, g: Any) -> Any:
        return original(Add(*term.parts[:-1]), point, notation, g)

    pullback_rule.register(Add, broken)
    yield
    pullback_rule.register(Add, original)


@pytest.mark.parametrize("claim", ["C3", "C4", "C7"])
@pytest.mark.usefixtures("_a_pullback_without_the_skip")
def test_a_broken_pullback_rule_confirms_nothing(claim):
    assert rejudged(claim, Sources()).verdict != "confirmed"


@pytest.mark.usefixtures("_a_pullback_without_the_skip")
def test_a_broken_pullback_rule_leaves_other_blocks_alone():
    assert rejudged("C1", Sources()).verdict == "confirmed"
