"""Sums with concrete limits: compared summand by summand; what is false fails both ways."""

import pytest
import sympy as sp

from derivations.algebra.steps import Step
from derivations.checker.concrete_sums import check_written_out, differences, written_out
from derivations.checker.drawn_sums import number
from derivations.errors import InputError, UnknownNodeError
from derivations.theorems.equations import BRANCH_SLOPES, SIGNAL_SIZE, STATE_SLOPES

I, J = sp.symbols("i j", integer=True, nonnegative=True)


def slopes(layers: int) -> sp.Expr:
    return sp.Sum(BRANCH_SLOPES[I] ** 2, (I, 0, layers - 1))


def cross(layers: int) -> sp.Expr:
    return sp.Sum(STATE_SLOPES[J, I] ** 2, (J, I + 1, layers - 1), (I, 0, layers - 1))


def columns(layers: int) -> sp.Expr:
    return sp.Sum(
        BRANCH_SLOPES[I] ** 2 + sp.Sum(STATE_SLOPES[J, I] ** 2, (J, I + 1, layers - 1)) + 1,
        (I, 0, layers - 1),
    )


def both(before: sp.Expr, after: sp.Expr, relation: str = "=") -> list[bool]:
    return [bool(test()) for test in check_written_out(Step("x", before, relation, after)).values()]


WRONG = {
    "one skip too many": lambda l: slopes(l) + cross(l) + l + 1,
    "no skips": lambda l: slopes(l) + cross(l),
    "one layer fewer": lambda l: slopes(l - 1) + cross(l) + l,
    "cross terms of one layer more": lambda l: slopes(l) + cross(l + 1) + l,
    "cross terms twice": lambda l: slopes(l) + 2 * cross(l) + l,
    "cross terms subtracted": lambda l: slopes(l) - cross(l) + l,
    "first powers": lambda l: sp.Sum(BRANCH_SLOPES[I], (I, 0, l - 1)) + cross(l) + l,
    "indices exchanged": lambda l: (
        slopes(l) + sp.Sum(STATE_SLOPES[I, J] ** 2, (J, I + 1, l - 1), (I, 0, l - 1)) + l
    ),
    "the diagonal included": lambda l: (
        slopes(l) + sp.Sum(STATE_SLOPES[J, I] ** 2, (J, I, l - 1), (I, 0, l - 1)) + l
    ),
}


@pytest.mark.parametrize("layers", [1, 2, 3, 17, 64, 264])
def test_the_columns_add_up(layers):
    assert both(columns(layers), slopes(layers) + cross(layers) + layers) == [True, True]


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("layers", [3, 40])
def test_a_wrong_total_fails_both_ways(name, layers):
    assert both(columns(layers), WRONG[name](layers)) == [False, False]


def test_single_and_empty_inner_sums_are_the_summand_and_nothing():
    assert both(cross(2), STATE_SLOPES[1, 0] ** 2) == [True, True]
    assert both(cross(1) + BRANCH_SLOPES[0], BRANCH_SLOPES[0]) == [True, True]
    assert both(cross(2), STATE_SLOPES[0, 1] ** 2) == [False, False]


def test_what_is_written_out_grows_linearly():
    counts = {
        layers: sum(len(part.numbers) for part in written_out(sp.expand(columns(layers))))
        for layers in (16, 32, 64, 128, 264)
    }
    assert all(count <= 2 * layers + 1 for layers, count in counts.items())


def test_lower_bounds():
    norm, least = (
        SIGNAL_SIZE * sp.sqrt(slopes(5) + cross(5) + 5),
        SIGNAL_SIZE * sp.sqrt(slopes(5) + 5),
    )
    assert both(norm, least, ">=") == both(least, norm, "<=") == [True, True]
    assert both(norm**2, least**2, ">=") == [True, True]
    assert both(norm, SIGNAL_SIZE * sp.sqrt(slopes(5) + cross(5) + 6), ">=") == [False, False]
    assert both(least, norm, ">=") == [False, False]
    assert both(norm, least, "->") == [False, False]


def test_a_bound_that_holds_only_for_some_numbers_is_not_proved():
    assert not both(slopes(3) + sp.Sum(BRANCH_SLOPES[I], (I, 0, 2)), slopes(3), ">=")[0]
    assert not both(-SIGNAL_SIZE * sp.sqrt(slopes(3) + 1), -SIGNAL_SIZE * sp.sqrt(slopes(3)), ">=")[
        0
    ]
    assert not both(
        SIGNAL_SIZE * sp.sqrt(slopes(3) - 1), SIGNAL_SIZE * sp.sqrt(slopes(3) - 2), ">="
    )[0]


@pytest.mark.parametrize("low", [4, 7])
def test_a_sum_that_runs_backwards_is_refused(low):
    with pytest.raises(InputError, match="backwards"):
        differences(sp.Sum(BRANCH_SLOPES[I], (I, low, 2)), BRANCH_SLOPES[0])
    with pytest.raises(InputError, match="backwards"):
        number(sp.Sum(BRANCH_SLOPES[I], (I, low, 2)))


@pytest.mark.parametrize(
    "form",
    [
        slopes(3) ** 2,
        slopes(3) * cross(3),
        sp.sin(BRANCH_SLOPES[0]) + slopes(2),
        sp.Sum(BRANCH_SLOPES[2**I], (I, 0, 2)),
    ],
)
def test_other_forms_are_refused(form):
    with pytest.raises(UnknownNodeError):
        differences(form, form + 1)


def test_bases_of_one_name_are_not_confused():
    other = sp.IndexedBase("a", positive=True)
    assert differences(sp.Sum(other[I], (I, 0, 2)), sp.Sum(BRANCH_SLOPES[I], (I, 0, 2)))


def test_an_index_is_no_letter():
    """Σ_{i=1}^{3} i² a² is 14 a², which is no bound of Σ_{i=4}^{6} i² a² = 77 a²."""
    a = sp.IndexedBase("a", real=True)[15]
    low, high = (sp.Sum(I**2 * a**2, (I, *ends)) for ends in ((1, 3), (4, 6)))
    by_summands, _ = check_written_out(Step("x", low, ">=", high)).values()
    with pytest.raises(UnknownNodeError, match="no letter"):
        by_summands()
    by_summands, _ = check_written_out(Step("x", low, "=", 14 * a**2)).values()
    assert by_summands()
    by_summands, _ = check_written_out(Step("x", low, "=", high)).values()
    assert not by_summands()
