"""A table is data: its rows fit its columns, and numbers are formatted when it is printed."""

import pytest

from derivations.errors import InputError
from paper_figures.tables.table import Column, Table, certainty


def test_certainty_carries_its_probability() -> None:
    assert certainty("exact", None) == "exact"
    assert certainty("probable", 2e-6) == "probable, δ = 2e-6"
    assert certainty("probable", 0.5) == "probable, δ = 0.5"


def test_ragged_rows_are_refused() -> None:
    with pytest.raises(InputError, match="1 columns"):
        Table("t", (Column("a"),), (("x", "y"),))


def test_numbers_take_the_format_of_their_column_and_what_is_missing_a_dash() -> None:
    columns = (Column("name"), Column("count", ","), Column("share", ".1%"))
    table = Table("t", columns, (("a", 12345, None), ("b", None, 0.25)))
    assert table.names == ["name", "count", "share"]
    assert table.texts == [["a", "12,345", "–"], ["b", "–", "25.0%"]]


def test_a_column_is_numeric_unless_it_holds_text() -> None:
    columns = (Column("name"), Column("number"), Column("mixed"), Column("nothing"))
    assert Table("t", columns, (("a", 1, None, None), ("b", 2.0, "–", None))).numeric == [
        False, True, False, True,
    ]  # fmt: skip
    assert Table("t", columns, ()).numeric == [True] * 4
