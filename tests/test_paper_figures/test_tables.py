"""Tests that tables hold the records' numbers, and that no cell can break out of its table."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from derivations.errors import InputError
from paper_figures.figures.select import MissingRecordsError, runs_of
from paper_figures.tables import (
    TABLES,
    Column,
    Table,
    bounds,
    certainty,
    laws,
    limits,
    networks,
    random_laws,
    ranks,
    render,
    trend,
)
from validate.records.schema import Results
from validate.statistics.distance_from_law import law_fits
from validate.statistics.summary import summarize_by
from validate.statistics.survival import ranking

HOSTILE = 'a|b & 5% <script>alert("x")</script> \\input{y} #_{}~^$'


def cells(table: Table, column: str) -> list[object]:
    index = [each.name for each in table.columns].index(column)
    return [row[index] for row in table.rows]


def test_networks_are_counted_family_by_family(results: Results) -> None:
    table = networks(results)
    assert cells(table, "network")[:3] == ["plain-8", "plain-14", "residual-8"]
    runs = runs_of(results, "plain", 8)
    assert cells(table, "test error (%)")[0] == pytest.approx(
        100 * np.median([run.epochs[-1].test_error for run in runs])
    )
    blocks = [row for run in runs for row in run.blocks]
    assert cells(table, "bound checks")[0] == sum(len(row.bounds) * 4 for row in blocks)
    assert cells(table, "largest identity error")[0] == max(row.identity_error for row in blocks)
    assert cells(table, "violations") == [0] * 8


def test_a_violation_is_never_lost(results: Results) -> None:
    run = results.runs[0]
    row = run.blocks[0]
    broken = row.model_copy(
        update={"bounds": (row.bounds[0].model_copy(update={"violations": 3}), *row.bounds[1:])}
    )
    changed = replace(
        results, runs=(replace(run, blocks=(broken, *run.blocks[1:])), *results.runs[1:])
    )
    assert sum(cells(networks(changed), "violations")) == 3
    assert sum(cells(bounds(changed), "violations")) == 3


def test_bounds_are_listed_by_theorem_side_and_certainty(results: Results) -> None:
    table = bounds(results)
    names = list(
        zip(cells(table, "bound"), cells(table, "side"), cells(table, "certainty"), strict=True)
    )
    assert ("residual.triangle", "lower", "exact") in names
    assert ("residual.uniform", "upper", "probable, δ = 1e-6") in names
    assert len(names) == len(set(names))
    tightness = dict(zip(names, cells(table, "measured / bound"), strict=True))
    assert tightness["singular", "lower", "probable, δ = 1e-6"] == pytest.approx(10)
    assert tightness["residual.uniform", "lower", "probable, δ = 1e-6"] is None


def test_one_bound_with_two_certainties_is_two_rows(results: Results) -> None:
    run = results.runs[0]
    row = run.blocks[0]
    certain = row.model_copy(
        update={
            "bounds": tuple(
                bound.model_copy(update={"certainty": "exact", "delta": None})
                for bound in row.bounds
            )
        }
    )
    table = bounds(replace(results, runs=(replace(run, blocks=(row, certain)),)))
    assert cells(table, "certainty") == ["exact", "probable, δ = 1e-6"] * 2
    assert cells(table, "checks") == [4] * 4


def test_limits_stand_beside_their_measurements(results: Results) -> None:
    table = limits(results)
    assert cells(table, "block") == ["plain", "residual", "SE residual", *["dense"] * 12]
    assert cells(table, "predicted limit")[3:] == pytest.approx(np.sqrt(np.arange(1, 13)))
    assert cells(table, "measured, ε = 0")[3:] == pytest.approx(np.sqrt(np.arange(1, 13)))
    assert cells(table, "measured, ε = 0.01")[0] == pytest.approx(0.01)


def test_the_ranking_is_printed_whole(results: Results) -> None:
    table = ranks(results)
    rows = ranking(results)
    assert cells(table, "value") == [row.found.value for row in rows]
    assert cells(table, "p adjusted") == [row.adjusted for row in rows]
    assert "needs 4 networks, has 2" in cells(table, "note")
    assert cells(table, "networks of")[4:12:2] == [
        "SE residual",
        "dense",
        "within families",
        "across families",
    ]
    text = render(table, "markdown")
    assert "nan" not in text
    assert "95% interval from 2,000 bootstraps" in text


def test_slopes_that_are_not_there_are_said_to_be_missing(results: Results) -> None:
    table = trend(results)
    assert cells(table, "networks") == ["plain", "residual", "plain − residual"]
    assert cells(table, "points per 10 layers") == [None] * 3
    assert set(cells(table, "note")) == {"needs 4 networks and 3 seeds, has 2 and 2"}


def test_laws_count_what_compare_counts(results: Results) -> None:
    table = laws(results)
    assert cells(table, "family") == ["plain", "residual", "SE residual", "dense"]
    summaries = summarize_by(results, lambda config, _: config.family)
    assert cells(table, "gains checked") == [each.identity_checks for each in summaries.values()]
    assert cells(table, "bound checks") == [each.bound_checks for each in summaries.values()]
    assert set(cells(table, "note")) == {"needs 4 depths, has 2"}


@pytest.mark.parametrize("make", [bounds, limits])
def test_no_records_no_table(results: Results, make: object) -> None:
    with pytest.raises(MissingRecordsError, match="validate"):
        make(replace(results, runs=(), vanishing=()))


def test_certainty_carries_its_probability() -> None:
    assert certainty("exact", None) == "exact"
    assert certainty("probable", 2e-6) == "probable, δ = 2e-6"
    assert certainty("probable", 0.5) == "probable, δ = 0.5"


def test_markdown_rows_keep_their_columns() -> None:
    lines = render(
        Table(HOSTILE, (Column("a"), Column(HOSTILE, ",")), ((HOSTILE, 1234), ("x", None))),
        "markdown",
    ).splitlines()
    assert lines[1] == "| :--- | ---: |"
    assert lines[3] == "| x | – |"
    assert lines[2].endswith("| 1,234 |")
    for line in lines[:4]:
        assert line.replace("\\|", "").count("|") == 3
    assert "<script>" not in "\n".join(lines)


def test_laws_of_random_weights_are_those_that_were_fitted(results: Results) -> None:
    table, fits = random_laws(results), law_fits(results)
    assert cells(table, "family")[::4] == ["plain", "residual", "SE residual", "dense"]
    assert cells(table, "KS distance") == [fit.distance for fit in fits]
    assert cells(table, "p adjusted") == [fit.adjusted for fit in fits]
    assert cells(table, "its r.m.s.") == [fit.alignment and fit.alignment.rms for fit in fits]
    assert cells(table, "beyond ±1.96 (%)")[:4] == [None] * 4
    with pytest.raises(MissingRecordsError):
        random_laws(replace(results, runs=()))


@pytest.mark.parametrize("make", TABLES.values())
def test_latex_needs_no_unicode(results: Results, make) -> None:
    odd = {character for character in render(make(results), "latex") if not character.isascii()}
    assert not odd


def test_latex_escapes_every_special_character() -> None:
    text = render(Table(HOSTILE, (Column("a"),), ((HOSTILE,),)), "latex")
    body = text.partition(r"\midrule")[2].partition(r"\bottomrule")[0]
    assert r"\textbackslash{}input\{y\}" in body
    assert r"5\%" in body
    assert r"\#\_\{\}\textasciitilde{}\textasciicircum{}\$" in body
    assert body.replace(r"\&", "").count("&") == 0
    assert r"\input" not in text.replace(r"\textbackslash{}input", "")


def test_html_escapes_every_cell() -> None:
    text = render(
        Table(HOSTILE, (Column(HOSTILE), Column("n", ".1e")), ((HOSTILE, 1.5e-16),)), "html"
    )
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.append(tag)

    Reader().feed(text)
    assert set(tags) == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert '<td class="number">1.5e-16</td>' in text


@pytest.mark.parametrize("kind", ["markdown", "latex", "html"])
def test_every_table_can_be_written(results: Results, kind: str) -> None:
    for make in TABLES.values():
        table = make(results)
        assert table.caption.split(",")[0][:20].split("‖")[0] in render(table, kind)


def test_unknown_formats_and_ragged_rows_are_refused() -> None:
    table = Table("t", (Column("a"),), (("x",),))
    with pytest.raises(InputError, match="docx"):
        render(table, "docx")
    with pytest.raises(InputError, match="1 columns"):
        Table("t", (Column("a"),), (("x", "y"),))
