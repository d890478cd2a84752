"""Products, sums and Gamma functions written out exactly, and what is refused."""

import pytest
import sympy as sp
from flint import fmpq, fmpq_poly

from derivations.algebra.letters import CHI, LAYERS
from derivations.checker.exact_values import Value, Writer

GENERATOR = fmpq_poly([0, 1])
J = sp.Symbol("j", integer=True, positive=True)


def written(expr: sp.Expr, layers: int = 3) -> Value:
    return Writer({CHI: GENERATOR}).write_out(expr, {LAYERS: layers})


def test_values_are_written_out_exactly():
    writer = Writer({CHI: fmpq_poly([0, 1])})
    value = writer.write_out(
        sp.gamma(LAYERS + 1 + CHI) / sp.gamma(CHI + 1) / sp.factorial(3).doit(), {LAYERS: 3}
    )
    expected = fmpq_poly([1, 1]) * fmpq_poly([2, 1]) * fmpq_poly([3, 1]) * fmpq(1, 6)
    assert value.numerator == expected * value.denominator
    assert not value.gammas


@pytest.mark.parametrize(
    "expr",
    [
        sp.sin(CHI),
        sp.gamma(LAYERS - 5),
        2 ** (LAYERS / 2),
        sp.gamma(CHI * LAYERS),
        sp.gamma(CHI) + sp.gamma(CHI / 2),
        sp.pi * CHI,
    ],
    ids=str,
)
def test_what_cannot_be_written_out_is_refused(expr):
    with pytest.raises(ValueError, match=r"written out|pole|affine|integer|Gamma"):
        Writer({CHI: fmpq_poly([0, 1])}).write_out(expr, {LAYERS: 3})


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (sp.Product(1 + CHI / J, (J, 1, LAYERS)), (1 + CHI) * (2 + CHI) * (3 + CHI) / 6),
        (sp.Sum(J * CHI, (J, 1, LAYERS)), 6 * CHI),
        (sp.gamma(LAYERS + CHI), (CHI + 2) * (CHI + 1) * CHI * sp.gamma(CHI)),
        (sp.gamma(CHI - LAYERS) * (CHI - 1) * (CHI - 2) * (CHI - 3), sp.gamma(CHI)),
        (sp.gamma(LAYERS + 1), sp.Integer(6)),
        (sp.sqrt(sp.pi), sp.gamma(sp.S.Half)),
        (CHI**LAYERS, CHI * CHI**2),
        (CHI**-LAYERS * CHI**4, CHI),
        (sp.Sum(CHI, (J, 1, LAYERS - 3)), sp.Integer(0)),
    ],
    ids=str,
)
def test_equal_values_are_equal_and_others_are_not(left, right):
    assert written(left).equals(written(right))
    assert not written(left + 1 if right == 0 else 2 * left).equals(written(right))


def test_nothing_equals_a_division_by_zero():
    impossible = Value(fmpq_poly([0]), fmpq_poly([0]))
    assert not impossible.equals(impossible)
    assert not impossible.equals(written(CHI))


def test_zero_equals_zero_whatever_gamma_functions_stand_beside_it():
    assert written(0 * CHI).equals(Value(fmpq_poly([0]), fmpq_poly([1]), {CHI: 1}))
    assert not written(CHI).equals(Value(GENERATOR, fmpq_poly([1]), {CHI: 1}))


def test_a_nested_sum_is_refused():
    nested = sp.Sum(CHI, (J, 1, 2), (sp.Symbol("k", integer=True), 1, 2))
    with pytest.raises(ValueError, match="nested"):
        written(nested)
