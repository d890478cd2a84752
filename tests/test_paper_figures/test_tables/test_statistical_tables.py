"""Tables of rankings, slopes and laws print what the statistics found, whole."""

from dataclasses import replace

import pytest
from test_paper_figures.columns import cells
from test_validate.drawn_results import as_claimed, drawn, flow

from derivations.errors import InputError
from paper_figures.figures.select import MissingRecordsError
from paper_figures.tables.statistical_tables import laws, random_laws, ranks, trend
from paper_figures.tables.writers import render
from validate.records.schema import Results
from validate.statistics.distance_from_law import law_fits
from validate.statistics.ranking import ranking
from validate.statistics.summary import summarize_by


def test_the_ranking_is_printed_whole(results: Results) -> None:
    table = ranks(results)
    rows = ranking(results).rows
    assert cells(table, "value") == [row.found.value for row in rows]
    assert cells(table, "p adjusted") == [row.adjusted for row in rows]
    assert cells(table, "for tests") == [row.tests for row in rows]
    assert "needs 4 networks, has 2" in cells(table, "note")
    assert cells(table, "networks of")[4:12:2] == [
        "SE residual",
        "dense",
        "within families",
        "over all networks",
    ]
    text = render(table, "markdown")
    assert "nan" not in text
    assert "95% interval from 2,000 bootstraps" in text


def test_tables_say_for_how_many_tests_they_adjust(results: Results) -> None:
    found = drawn(as_claimed, flow)
    table, named = ranks(found), ranking(found)
    notes = cells(table, "note")
    primary = [each for each, note in enumerate(notes) if str(note).startswith("primary")]
    assert {cells(table, "networks of")[each] for each in primary} == {
        "within families",
        "over all networks",
    }
    assert {cells(table, "for tests")[each] for each in primary} == {4}
    assert set(cells(table, "for tests")) == {4, 46, None}
    assert (
        "the primary tests for each other (4: slope of plain networks, slope of residual networks, "
        "ρ within families, ρ over all networks)" in table.caption
    )
    assert "for each other (46 tests); lines of a single family are not adjusted" in table.caption
    slopes = trend(found)
    assert cells(slopes, "p adjusted")[:2] == [
        slope.adjusted for slope in named.trends.slopes.values()
    ]
    assert cells(slopes, "p adjusted")[2] is None
    assert cells(slopes, "p")[2] is not None
    assert "(4: slope of plain networks" in slopes.caption
    alone = trend(results)
    assert "(1: ρ over all networks)" in alone.caption  # two networks of each family are too few


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


def test_laws_of_random_weights_are_those_that_were_fitted(results: Results) -> None:
    table, fits = random_laws(results), law_fits(results)
    assert cells(table, "family")[::4] == ["plain", "residual", "SE residual", "dense"]
    assert cells(table, "KS distance") == [fit.distance for fit in fits]
    assert cells(table, "p adjusted") == [fit.adjusted for fit in fits]
    assert cells(table, "its r.m.s.") == [fit.alignment and fit.alignment.rms for fit in fits]
    assert cells(table, "beyond ±1.96 (%)")[:4] == [None] * 4
    aligned = [fit.alignment for fit in fits if fit.alignment]
    assert aligned
    assert cells(table, "beyond ±1.96 (%)")[4:] == [100 * each.beyond for each in aligned]
    assert cells(table, "mean alignment")[4:] == [each.mean for each in aligned]
    assert cells(table, "cosine")[4:] == [each.cosine for each in aligned]
    with pytest.raises(MissingRecordsError):
        random_laws(replace(results, runs=()))


@pytest.mark.parametrize("make", [ranks, laws, random_laws])
def test_a_family_without_a_look_is_refused(results: Results, make) -> None:
    run = results.runs[0]
    strange = replace(run, config=run.config.model_copy(update={"family": "highway"}))
    with pytest.raises(InputError, match="highway"):
        make(replace(results, runs=(strange,)))
