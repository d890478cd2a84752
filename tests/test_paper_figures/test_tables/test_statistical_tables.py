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


def test_tables_say_for_how_many_tests_they_adjust_and_that_none_judges() -> None:
    found = drawn(as_claimed, flow)
    table, ranked = ranks(found), ranking(found)
    assert f"for each other ({ranked.tests} tests), those of a single family" in table.caption
    assert "No line judges a claim" in table.caption
    rho, p = ranked.given_depth
    assert f"given depth, over all networks: {rho:+.2f}".replace("-", "−") in table.caption
    assert f"p = {p:.2g} by Student" in table.caption


def test_slopes_are_printed_with_their_bend() -> None:
    def error(family: str, depth: int, seed: int) -> float:
        bend = 1e-4 * (depth - 26) ** 2 if family == "plain" else 0.001 * depth
        return 0.1 + bend + 0.001 * ((seed * 7 + depth) % 3)

    found = drawn(error, flow)
    table = trend(found)
    slopes = [*ranking(found).trends.slopes.values(), ranking(found).trends.beyond]
    assert cells(table, "points per 10 layers") == [slope.found.value for slope in slopes]
    assert cells(table, "p") == [slope.found.p for slope in slopes]
    assert cells(table, "bend") == [slopes[0].bend.value, slopes[1].bend.value, None]
    assert cells(table, "note") == ["no line", "", ""]


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
