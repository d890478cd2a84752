"""Every table is listed by name, and made from the records."""

import pytest
from test_paper_figures.with_every_loss import with_every_loss

from paper_figures.tables.table import Table
from paper_figures.tables.table_registry import TABLES
from validate.records.schema import Results


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_one(results: Results, name: str) -> None:
    table = TABLES[name](with_every_loss(results))
    assert isinstance(table, Table)
    assert table.rows
    assert name.startswith("table_")


def test_no_table_borrows_the_caption_of_another(results: Results) -> None:
    captions = [make(with_every_loss(results)).caption for make in TABLES.values()]
    assert len(captions) == len(set(captions))
