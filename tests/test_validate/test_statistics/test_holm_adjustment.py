"""Holm's adjustment: against stepping down by hand, and by example."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.statistics.holm_adjustment import holm


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_rejects_what_stepping_down_rejects(p_values):
    adjusted = holm(p_values)
    for level in (0.01, 0.05, 0.2, *adjusted):
        order, rejected = sorted(range(len(p_values)), key=p_values.__getitem__), set()
        for step, index in enumerate(order):
            if (len(p_values) - step) * p_values[index] > level:
                break
            rejected.add(index)
        if level < 1:
            assert {index for index, value in enumerate(adjusted) if value <= level} == rejected


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
