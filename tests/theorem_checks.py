"""What every test of theorems does: judge the steps, and broken ones in their place."""

from dataclasses import replace

from derivations.algebra.steps import Step, Theorem
from derivations.checker.check import DEFINED, check


def named(theorems: tuple[Theorem, ...]) -> dict[str, Theorem]:
    """By id; two theorems with one id fail."""
    found = {theorem.id: theorem for theorem in theorems}
    assert len(found) == len(theorems)
    return found


def assert_proved(theorem: Theorem) -> None:
    """Every step passes at least two checks, and the result is one of the steps."""
    assert theorem.result in theorem.derivation.steps
    assert theorem.statement
    assert theorem.source
    for checked in check(theorem.derivation):
        assert checked.ok, (theorem.id, checked.step, checked.checks)


def step_of(theorem: Theorem, rule: str) -> Step:
    """The step with that rule; there must be one."""
    (step,) = [step for step in theorem.derivation.steps if step.rule == rule]
    return step


def outcomes_with(theorem: Theorem, rule: str, **changes: object) -> list[bool]:
    """The checks of the step `rule` after the changes, the steps before it as they are."""
    right = step_of(theorem, rule)
    broken = replace(right, **changes)  # type: ignore[arg-type]
    assert broken != right, "the change changes nothing"
    before = theorem.derivation.steps[: theorem.derivation.steps.index(right)]
    checked = check(replace(theorem.derivation, steps=(*before, broken)))[-1]
    assert len(checked.checks) >= 2
    return [outcome.ok for outcome in checked.checks if outcome.method != DEFINED]
