"""The paper's tables stand beside what is counted, and what does not agree is marked."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from paper_figures.figures.select import runs_of
from paper_figures.tables import printed_tables
from paper_figures.tables.table import Table
from validate.audit.paper import paper
from validate.records.schema import Results


def cells(table: Table, name: str) -> dict[str, object]:
    """The row of this first cell, by heading."""
    row = next(row for row in table.rows if str(row[0]) == name)
    return dict(zip(table.names, row, strict=True))


def test_table_1_has_the_printed_rows_the_recomputed_gain_and_the_own_runs(
    results: Results,
) -> None:
    table = printed_tables.plain_and_residual(results)
    last = cells(table, "34")
    assert (last["plain (%)"], last["ResNet (%)"]) == (28.54, 25.03)
    assert last["difference (points)"] == pytest.approx(3.51)
    assert (last["as stated"], last["the statement"]) == (3.5, "agrees")
    assert last["parameters, plain"] == last["parameters, ResNet"] == 21_623_848
    own = cells(table, "14")
    plain, residual = (
        np.median([100 * run.epochs[-1].test_error for run in runs_of(results, family, 14)])
        for family in ("plain", "residual")
    )
    assert own["difference (points)"] == pytest.approx(plain - residual)
    assert "Data: digits" in table.caption


def test_table_2_counts_operations_and_marks_the_one_that_does_not_agree(results: Results) -> None:
    table = printed_tables.gated_and_residual(results)
    marks = {str(row[0]): row[-1] for row in table.rows}
    assert [name for name, mark in marks.items() if mark == "DIFFERS"] == ["SE-ResNet-101"]
    row = cells(table, "SE-ResNet-50")
    assert row["below ResNet (points)"] == pytest.approx(1.51)
    assert row["the statement"] == "agrees"
    assert row["GFLOPs, counted"] == pytest.approx(3.8715, abs=1e-4)


def test_table_a1_marks_the_size_of_se_resnet_50(results: Results) -> None:
    table = printed_tables.architectures(results)
    assert {str(row[0]): row[-1] for row in table.rows} == {
        "VGG-19": "agrees",
        "ResNet-50": "agrees",
        "SE-ResNet-50": "DIFFERS",
        "DenseNet-121": "agrees",
    }
    assert cells(table, "SE-ResNet-50")["learned − printed (M)"] == pytest.approx(4.66, abs=0.01)


def test_another_printed_number_is_marked(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(
        paper(), table_a1={"resnet50": Decimal("23.7")}, gain1=Decimal("3.6"), gain2=Decimal("1.5")
    )
    monkeypatch.setattr(printed_tables, "paper", lambda: other)
    assert printed_tables.architectures(results).rows[0][-1] == "DIFFERS"
    assert cells(printed_tables.plain_and_residual(results), "34")["the statement"] == "DIFFERS"
    gated = cells(printed_tables.gated_and_residual(results), "SE-ResNet-50")
    assert gated["the statement"] == "agrees"  # 1.51 rounds to 1.5


def test_figure_7_in_numbers_names_its_sources(results: Results) -> None:
    table = printed_tables.published_sizes(results)
    assert len(table.rows) == 8
    assert "Huang et al. 2017" in table.caption
    assert "fb.resnet.torch" in table.caption
