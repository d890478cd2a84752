"""Tests the records: frozen, with every field that figures read, and without impossible numbers."""

import math

import pytest
from pydantic import ValidationError

from validate.records.schema import BlockRow, LawRow, VanishingRow

ROW = VanishingRow(
    family="dense", inputs=3, epsilon=0.1, seed=0, predicted=math.sqrt(3), measured=1.7
)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_record_holds_nan_or_infinity(value):
    with pytest.raises(ValidationError):
        VanishingRow(family="dense", inputs=3, epsilon=0.1, seed=0, predicted=1.0, measured=value)


@pytest.mark.parametrize(
    "change",
    [{"weight_std": -0.1}, {"chi": (-1.0,)}, {"probability": (1.5,)}, {"probability": (-0.5,)}],
)
def test_no_law_holds_an_impossible_number(change):
    possible = {"weight_std": 0.0, "chi": (0.0,), "probability": (1.0,), "alignment": (-3.0,)}
    assert LawRow(**possible).chi == (0.0,)
    with pytest.raises(ValidationError):
        LawRow(**possible | change)


def test_records_are_frozen():
    with pytest.raises(ValidationError):
        ROW.measured = 2.0


def test_block_rows_state_everything_that_figures_read():
    """The names are the contract with whoever draws them."""
    expected = (
        "schema run epoch index name kind term measured predicted vanished identity_error "
        "identity_failures terms bounds law masked"
    )
    assert [
        field.alias or name for name, field in BlockRow.model_fields.items()
    ] == expected.split()
