"""Tests that the name that was probably meant is found, and no far one."""

import pytest

from validate.targets.nearest_name import nearest


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Relu", "ReLU"), ("relu6", "ReLU6"), ("linar", "Linear"), ("zzz", None), ("", None)],
)
def test_the_nearest_name(name, expected):
    assert nearest(name, ["Linear", "ReLU", "ReLU6"]) == expected


def test_of_no_names_none_is_near():
    assert nearest("relu", []) is None
