"""Numbers of samples in words: what is not there is said, and no bound is rounded to say more."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from numeric.runs.sample_summary import between, samples, spread_of, without_gain, written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (-0.3379123, "−0.3379"),
        (1.23456e-9, "1.235e−09"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_a_number_in_four_digits(value, text):
    assert written(value) == text


@given(st.floats(min_value=-1e300, max_value=1e300).filter(lambda x: x == 0 or abs(x) > 1e-300))
def test_a_bound_is_never_rounded_to_one_that_says_more(value):
    lower, upper = (float(written(value, side).replace("−", "-")) for side in ("lower", "upper"))
    assert lower <= value <= upper
    assert upper - lower <= 1e-3 * abs(value)


def test_a_bound_that_needs_no_rounding_stays():
    assert written(0.5, "lower") == written(0.5, "upper") == "0.5"
    assert (written(0.99999, "lower"), written(0.99999, "upper")) == ("0.9999", "1")


def test_the_spread_is_of_the_numbers_that_are_there():
    values = torch.tensor([3.0, math.nan, 1.0, 2.0, math.inf])
    assert spread_of(values) == ("1", "2.5", "∞")
    assert spread_of(np.array([[0.25]])) == ("0.25", "0.25", "0.25")
    assert spread_of(torch.tensor([math.nan])) == ("–", "–", "–")
    assert spread_of(torch.empty(0)) == ("–", "–", "–")


def test_what_lies_between_is_rounded_outward():
    ends = torch.tensor([0.123456])
    assert between(ends, ends) == (
        ("gain ≥", "0.1234", "0.1234", "0.1234"),
        ("gain ≤", "0.1235", "0.1235", "0.1235"),
    )


def test_samples_are_counted():
    assert (samples(1), samples(2)) == ("1 sample", "2 samples")
    assert without_gain(torch.tensor([True, True])) == ()
    (line,) = without_gain(torch.tensor([True, False]))
    assert line.endswith("exactly zero: 1 sample")
