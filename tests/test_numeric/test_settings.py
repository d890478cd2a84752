"""Numbers that settings may be, and the settings of Krylov methods."""

import math
from fractions import Fraction

import numpy as np
import pytest

from derivations.errors import InputError
from numeric.settings import Effort, between, check_estimate, whole


@pytest.mark.parametrize("value", [1, 7, True, np.int32(3), np.uint8(2), 10**30])
def test_integers_pass_as_those_of_python(value):
    assert whole(value, "n") == value
    assert type(whole(value, "n")) is int


@pytest.mark.parametrize(
    "value", [0, -1, 1.0, np.float64(2), float("nan"), 1j, "1", None, np.ones(1, int), Fraction(1)]
)
def test_what_is_no_integer_or_too_small_is_refused(value):
    with pytest.raises(InputError, match=r"^n is .*: it must be an integer of at least 1$"):
        whole(value, "n")


@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.25), np.int64(1), Fraction(1, 3), 1.999])
def test_real_numbers_pass_as_floats(value):
    assert between(value, "t", 0, 2) == float(value)
    assert type(between(value, "t", 0, 2)) is float


@pytest.mark.parametrize(
    "value", [0, 2.0, -1, 3, float("nan"), float("inf"), -float("inf"), 1j, "1", None, np.ones(1)]
)
def test_what_is_no_number_or_outside_is_refused(value):
    with pytest.raises(InputError, match=r"^t is .*: it must be a number between 0 and 2$"):
        between(value, "t", 0, 2)


@pytest.mark.parametrize("rtol", [None, 1e-3, 0.5])
def test_an_effort_holds_its_settings(rtol):
    effort = Effort(7, 0.01, 3, rtol)
    assert (effort.steps, effort.delta, effort.seed, effort.rtol) == (7, 0.01, 3, rtol)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"steps": 2.5}, "must be integers"),
        ({"delta": 1.0}, "failure probability"),
        ({"delta": "a"}, "a number"),
        ({"seed": -1}, "non-negative"),
        ({"basis": "float16"}, "basis is 'float16'"),
        ({"rtol": 0.0}, "rtol is 0.0"),
        ({"rtol": 1.0}, "between 0 and 1"),
        ({"rtol": float("nan")}, "None runs all steps"),
        ({"rtol": "small"}, "rtol is 'small'"),
    ],
)
def test_an_effort_without_meaning_is_refused_when_it_is_packed(changed, message):
    with pytest.raises(InputError, match=message):
        Effort(**changed)


@pytest.mark.parametrize(
    ("steps", "delta", "seed", "message"),
    [
        (0, 0.1, 0, "steps is 0"),
        (-3, 0.1, 0, "steps"),
        (1, 0.0, 0, "delta is 0"),
        (1, 1.0, 0, "delta"),
        (1, math.nan, 0, "delta"),
        (1, 0.1, -1, "seed"),
    ],
)
def test_meaningless_settings_are_refused(steps, delta, seed, message):
    with pytest.raises(InputError, match=message):
        check_estimate(steps, delta, seed)
