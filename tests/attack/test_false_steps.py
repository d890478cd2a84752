"""Random false steps of more than twenty families: none may pass. True ones like them must."""

import os
import secrets
from dataclasses import replace

import pytest
from attack.false_steps import FALSE, TRUE, Case, drawn

from derivations.checker.check import CheckedStep, check
from derivations.errors import InputError

SEED = "1" if os.environ.get("CI") else str(secrets.randbits(32))
"""Another one in every run, and in every failure's message; fixed where CI says so."""

SAMPLE = 12
SWEEP = 10_000 // len(FALSE) + 1
TRUE_SWEEP = 1_000 // len(TRUE) + 1
REFUSED = 0.05


def judged(case: Case) -> CheckedStep | None:
    """The step with its checks; None for one that is refused with an error."""
    derivation, step, _ = case
    try:
        return check(replace(derivation, steps=(*derivation.steps, step)))[-1]
    except InputError:
        return None


def assert_refused(family, seed: str, count: int) -> None:
    for case in drawn(family, seed, count):
        found = judged(case)
        # The first check is the proof: the second opinion must not be what saves it.
        assert found is None or not (found.ok or found.checks[0].ok), (seed, case[1], found)


def refused(family, seed: str, count: int) -> list[Case]:
    judgements = [(case, judged(case)) for case in drawn(family, seed, count)]
    return [case for case, found in judgements if found is None or not found.ok]


@pytest.mark.parametrize("family", FALSE, ids=lambda family: family.__name__)
def test_a_sample_of_false_steps_is_refused(family):
    assert_refused(family, SEED, SAMPLE)


@pytest.mark.parametrize("family", TRUE, ids=lambda family: family.__name__)
def test_a_sample_of_true_steps_passes(family):
    assert len(refused(family, SEED, SAMPLE)) <= 1, SEED


@pytest.mark.slow
@pytest.mark.parametrize("family", FALSE, ids=lambda family: family.__name__)
def test_every_false_step_is_refused(family):
    assert_refused(family, f"sweep {SEED}", SWEEP)


@pytest.mark.slow
@pytest.mark.parametrize("family", TRUE, ids=lambda family: family.__name__)
def test_hardly_a_true_step_is_refused(family):
    left = refused(family, f"sweep {SEED}", TRUE_SWEEP)
    assert len(left) <= REFUSED * TRUE_SWEEP, (SEED, [step for _, step, _ in left])


def test_there_are_enough_of_them():
    assert len(FALSE) >= 10
    assert SWEEP * len(FALSE) >= 10_000
    assert TRUE_SWEEP * len(TRUE) >= 1_000
