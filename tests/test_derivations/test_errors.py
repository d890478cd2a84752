"""Refusals: each has the exit code of its kind, and is the built-in error that callers expect."""

import pytest

from derivations import errors
from derivations.errors import (
    CaptureError,
    GradboundError,
    InputError,
    TimeLimitError,
    UnknownNodeError,
    ViolationError,
    nearest,
    way_out,
)


@pytest.mark.parametrize(
    ("kind", "code", "built_in"),
    [
        (InputError, 3, ValueError),
        (UnknownNodeError, 3, TypeError),
        (ViolationError, 4, AssertionError),
        (CaptureError, 5, RuntimeError),
        (TimeLimitError, 6, TimeoutError),
    ],
)
def test_a_refusal_ends_with_the_code_of_its_kind(kind, code, built_in):
    assert kind.exit_code == code
    with pytest.raises(built_in, match="the thing, and the way out"):
        raise kind("the thing, and the way out")
    with pytest.raises(GradboundError):
        raise kind("x")


def test_an_error_of_no_kind_is_a_bug():
    kinds = {each for each in vars(errors).values() if isinstance(each, type)}
    refusals = {each for each in kinds if issubclass(each, GradboundError)} - {GradboundError}
    assert refusals == {
        InputError,
        UnknownNodeError,
        ViolationError,
        CaptureError,
        TimeLimitError,
    }
    assert GradboundError.exit_code == 1 not in {each.exit_code for each in refusals}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Relu", "ReLU"), ("relu6", "ReLU6"), ("linar", "Linear"), ("zzz", None), ("", None)],
)
def test_the_nearest_name(name, expected):
    assert nearest(name, ["Linear", "ReLU", "ReLU6"]) == expected


def test_of_no_names_none_is_near():
    assert nearest("relu", []) is None


def test_the_way_out_names_what_was_meant_and_all_there_is():
    assert way_out("residul", {"plain": 1, "residual": 2}) == (
        "did you mean 'residual'? Or choose from plain, residual"
    )
    assert way_out("zzz", ("plain", "residual")) == "choose from plain, residual"
