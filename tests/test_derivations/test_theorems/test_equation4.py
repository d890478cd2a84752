"""Eq. (4) read literally, against states written out coordinate by coordinate."""

import numpy as np
import pytest
import sympy as sp
from theorem_checks import assert_proved, named, outcomes_with

from derivations.algebra.letters import LAYERS
from derivations.errors import InputError
from derivations.theorems.equation4 import LINES, dropped_state, read_line, theorems

THEOREMS = named(theorems())
_, _, PENULTIMATE, LAST = LINES


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    assert_proved(THEOREMS[name])


BROKEN = {
    "a copy too many": ("eq4.norm", "copies of x_i in x_{i+l}, i ≥ 1", {"after": 2**LAYERS}),
    "copies off by one layer": (
        "eq4.norm",
        "copies of x_0 in x_{l+1}: x_1 holds none",
        {"after": sp.Integer(2) ** (LAYERS - 2)},
    ),
    "coordinates without F": (
        "eq4.norm",
        "coordinates of x_{l+1}: x_0 and x_1 have one",
        {"after": 3 * 2 ** (LAYERS - 1) - 1},
    ),
    "the norm is the number of layers": ("eq4.norm", "sum over the columns", {"after": LAYERS + 1}),
    "the norm is the number of copies": (
        "eq4.norm",
        "sum over the columns",
        {"after": 3 * 2 ** (LAYERS - 1) - 1},
    ),
    "the norm is off by one layer": (
        "eq4.norm",
        "sum over the columns",
        {"after": 2 ** (LAYERS - 3) * (3 * LAYERS - 2)},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_step_fails_both_ways(name):
    theorem, rule, changes = BROKEN[name]
    assert outcomes_with(THEOREMS[theorem], rule, **changes) == [False, False]


def test_the_lines_say_what_is_transcribed():
    """(index, what F is fed, the last state that is copied), counted from 0 or from l."""
    assert [(line.index, line.fed, line.top, line.from_l) for line in LINES] == [
        (1, 0, -1, False),
        (2, 1, 1, False),
        (-1, -2, -3, True),
        (0, -1, -1, True),
    ]
    assert [line.text for line in LINES] == [
        "x_1 = F_1(x_0)",
        "x_2 = F_2(x_1) ‖ x_1 ‖ x_0",
        "x_{l−1} = F_{l−1}(x_{l−2}) ‖ x_{l−3} ‖ ⋯ ‖ x_0",
        "x_l = F_l(x_{l−1}) ‖ x_{l−1} ‖ ⋯ ‖ x_0",
    ]


def test_the_dropped_state_is_the_next_to_last():
    assert {line.name: dropped_state(line) for line in LINES if line.from_l} == {
        "x_{l-1}": 2,
        "x_l": None,
    }
    result = THEOREMS["eq4.dropped"].result
    assert outcomes_with(
        THEOREMS["eq4.dropped"],
        result.rule,
        after=result.after - sp.IndexedBase("s", real=True)[LAYERS - 1],
    ) == [False, False]


def test_a_corrected_line_drops_nothing():
    corrected = PENULTIMATE.latex.replace("x_{l-3}", "x_{l-2}")
    assert dropped_state(read_line(corrected)) is None


@pytest.mark.parametrize(
    "line",
    [
        "x_1 = F_1(x_0) + x_0",
        LAST.latex.replace("F_l", "F_{l-1}"),
        LAST.latex.replace("F_l(x_{l-1})", "F_l(x_3)"),
        LAST.latex.removesuffix(r" \Vert \cdots \Vert x_0"),
    ],
)
def test_what_is_no_line_is_refused(line):
    with pytest.raises(InputError, match=r"not a line of Eq. \(4\)"):
        read_line(line)


@pytest.mark.parametrize(
    "line", ["x_{1} = F_{1}(x_{0})", LAST.latex.replace(r"\Vert x_{l-1}", r"\Vert x_{l-4}")]
)
def test_a_line_of_another_kind_drops_no_single_state(line):
    with pytest.raises(InputError, match="not counted from l, or skips more than one state"):
        dropped_state(read_line(line))


def by_hand(layers: int) -> tuple[int, int]:
    """(coordinates of the copies in H, squared norm of ∂H/∂x) after `layers` layers, by stacking
    rows of ones and zeros.
    """
    sizes = [1, 1]
    while len(sizes) < layers:
        sizes.append(1 + sum(sizes))
    total = 0
    for i in range(layers):
        slopes = []
        for j in range(layers):
            if j == i:
                slopes.append(np.eye(sizes[i]))
            elif j < i or j == 1:
                slopes.append(np.zeros((sizes[j], sizes[i])))
            else:
                slopes.append(np.vstack([np.zeros((1, sizes[i])), *reversed(slopes)]))
        h = np.vstack([np.zeros((1, sizes[i])), *reversed(slopes)])
        total += int((h**2).sum())
    return sum(sizes), total


def test_the_norm_against_states_written_out():
    found = {layers: by_hand(layers) for layers in range(2, 11)}
    result = THEOREMS["eq4.norm"].result
    assert {layers: int(result.after.subs(LAYERS, layers - 1)) for layers in found} == {
        layers: norm for layers, (_, norm) in found.items()
    }
    assert [found[layers][1] for layers in (2, 3, 4, 5)] == [2, 7, 20, 52]
    assert [found[layers][0] for layers in (2, 3, 4)] == [2, 5, 11]
