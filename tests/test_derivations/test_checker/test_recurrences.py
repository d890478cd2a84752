"""The checker of recurrences: what it writes out, and what it must refuse."""

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.letters import BLOCK, CHI, DEPTH, EPSILON, LAYERS
from derivations.algebra.notation import notation_of
from derivations.algebra.steps import Derivation, Step
from derivations.checker.check import DEFINED, check
from derivations.checker.recurrences import check_recurrence, has_recurrence

J = sp.Symbol("j", integer=True, positive=True)
Z = sp.Symbol("z", positive=True)
NOTATION = notation_of(BLOCKS["plain"], "scalar")


def outcomes(step: Step) -> list[bool]:
    (checked,) = check(Derivation("one step", NOTATION, (step,)))
    return [outcome.ok for outcome in checked.checks if outcome.method != DEFINED]


@pytest.mark.parametrize(
    ("before", "after", "ok"),
    [
        (sp.Product(1 + 1 / J, (J, 1, LAYERS)), LAYERS + 1, True),
        (sp.Product(1 + 1 / J, (J, 1, LAYERS)), LAYERS + 2, False),
        (sp.Product(1 + 1 / J, (J, BLOCK + 1, LAYERS)), (LAYERS + 1) / (BLOCK + 1), True),
        (sp.Product(1 + 1 / J, (J, BLOCK, LAYERS)), (LAYERS + 1) / (BLOCK + 1), False),
        (sp.gamma(LAYERS + 1), LAYERS * sp.gamma(LAYERS), True),
        (sp.gamma(LAYERS + 1), (LAYERS + 1) * sp.gamma(LAYERS), False),
        (2 ** (DEPTH + 1), 2 * 2**DEPTH, True),
        (2 ** (DEPTH + 1), 3 * 2**DEPTH, False),
        (1 + sp.Sum(CHI, (J, 1, DEPTH)), 1 + CHI * DEPTH, True),
        (1 + sp.Sum(CHI, (J, 1, DEPTH)), CHI * DEPTH, False),
    ],
    ids=str,
)
def test_equalities(before, after, ok):
    assert outcomes(Step("test", before, "=", after)) == [ok, ok]


def test_agreement_for_twelve_layers_is_not_enough():
    """A term that vanishes for l = 1…12 alone: only the induction sees it."""
    sneaky = sp.prod([LAYERS - n for n in range(1, 13)])
    assert outcomes(
        Step("test", sp.gamma(LAYERS + 1), "=", LAYERS * sp.gamma(LAYERS) * (1 + sneaky))
    ) == [
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("before", "after", "ok"),
    [
        (sp.gamma(1 / EPSILON + CHI) / sp.gamma(1 / EPSILON) * EPSILON**CHI, sp.Integer(1), True),
        (
            sp.gamma(1 / EPSILON + CHI) / sp.gamma(1 / EPSILON) * EPSILON**CHI,
            sp.Rational(1001, 1000),
            False,
        ),
        (
            sp.gamma(1 / EPSILON + CHI) / sp.gamma(1 / EPSILON + 1) * EPSILON**CHI,
            sp.Integer(1),
            False,
        ),
        ((1 + EPSILON) ** 2 / (1 + EPSILON * DEPTH), sp.Integer(1), True),
        ((1 + EPSILON) ** 2 / (1 + EPSILON * DEPTH), sp.Integer(2), False),
    ],
    ids=str,
)
def test_limits(before, after, ok):
    assert outcomes(Step("test", before, "->", after, vanishing=EPSILON)) == [ok, ok]


def test_integrals():
    density = sp.exp(-(Z**2) / 2)
    integral = sp.Integral(Z * density, (Z, 0, sp.oo))
    assert outcomes(Step("test", CHI * integral, "=", CHI)) == [True, True]
    assert outcomes(Step("test", CHI * integral, "=", CHI + CHI**2 / 10**9)) == [False, False]


def test_what_is_divided_by_an_integral_needs_its_value():
    density = sp.exp(-(Z**2) / 2)
    first, second = (sp.Integral(Z**k * density, (Z, 0, sp.oo)) for k in (1, 2))
    spread = second - first**2
    assert outcomes(Step("test", 1 / spread, "=", 1 / (sp.sqrt(2 * sp.pi) / 2 - 1))) == [True, True]
    none = second - sp.sqrt(2 * sp.pi) / 2 * first
    assert outcomes(Step("test", 1 / none, "=", 1 / none)) == [False, False]


def test_an_antiderivative_is_not_believed(monkeypatch):
    def quarter(name: str, value: int) -> Step:
        angle = sp.Symbol(name, real=True)
        return Step("test", sp.Integral(sp.cos(angle), (angle, 0, sp.pi / 2)), "=", value)

    assert outcomes(quarter("theta", 1)) == [True, True]
    assert outcomes(quarter("theta", 0)) == [False, False]
    # Of another letter, for values are kept.
    false = quarter("phi", 0)
    monkeypatch.setattr(sp, "integrate", lambda function, variable: variable * function)
    assert outcomes(false) == [False, False]
    with pytest.raises(ValueError, match="no antiderivative"):
        check_recurrence(false)["integration"]()


def test_relations_it_does_not_know_fail():
    step = Step("test", sp.gamma(LAYERS + 1), ">=", sp.gamma(LAYERS))
    assert has_recurrence(step)
    assert not any(test() for test in check_recurrence(step).values())
    assert outcomes(step) == [False]


def test_nested_and_doubled_products_fail():
    nested = sp.Product(1 + CHI, (J, 1, BLOCK), (BLOCK, 1, LAYERS))
    assert outcomes(Step("test", nested, "=", nested.doit())) == [False, False]
    two = sp.Product(1 + CHI, (J, 1, LAYERS)) + sp.Product(2 + CHI, (J, 1, LAYERS))
    assert outcomes(Step("test", two, "=", (1 + CHI) ** LAYERS + (2 + CHI) ** LAYERS))[0] is False


def test_no_letter_has_the_name_of_what_grows():
    """Γ(1/ε + x + 1) is not 2/ε Γ(1/ε + x), whatever the letter that is fixed is called."""
    for name in ("x", "log_x"):
        fixed = sp.Symbol(name, positive=True)
        ratio = sp.gamma(1 / EPSILON + fixed + 1) / sp.gamma(1 / EPSILON + fixed) * EPSILON
        for value, ok in ((1, True), (2, False)):
            step = Step("test", ratio, "->", sp.Integer(value), vanishing=EPSILON)
            assert outcomes(step) == [ok, ok]
