"""Tables of the study say what its tests, its levels and its bands say, and no more."""

import math
from dataclasses import replace
from statistics import fmean

import pytest
from test_validate.small_study import drawn_initial, drawn_row, drawn_study

from paper_figures.figures.select import MissingRecordsError
from paper_figures.study.study_tables import STUDY_TABLES, initial_ratios, levels, study
from paper_figures.tables.table import Table
from paper_figures.tables.writers import WRITERS, render
from validate.comparison.initial_bands import BANDS, GATED
from validate.study.primary_effects import flow_points
from validate.study.study_folder import Study
from validate.study.study_verdicts import decide_study

WHOLE = replace(
    drawn_study(rho=-0.6, gain=-0.3, gate=1.2, noise=0.35, seed=4),
    initial=tuple(drawn_initial(band) for band in BANDS),
)


def column(table: Table, name: str) -> list:
    place = table.names.index(name)
    return [row[place] for row in table.rows]


def nothing(found: Study = WHOLE) -> Study:
    return replace(found, rows=(), missing=tuple(row.trial for row in found.rows), initial=())


def test_each_primary_test_has_its_line_and_what_it_is_made_of() -> None:
    table, decision = study(WHOLE), decide_study(WHOLE)
    flow, depth = decision.flow, decision.depth
    assert column(table, "claim") == ["C25", "", "", "", "", "C24", "", ""]
    effects = [flow.found.value, *flow.strata.values(), None, depth.gain.mean, depth.gate.mean]
    assert column(table, "effect") == effects
    assert flow.found.value == pytest.approx(fmean(flow.strata.values()))
    assert column(table, "from")[0] == flow.found.low
    assert column(table, "to")[5:] == [None, depth.gain.high, depth.gate.high]
    p = [decision.c25.p, *[None] * 4, decision.c24.p, depth.gain.below, depth.gate.above]
    assert column(table, "p") == p
    adjusted = column(table, "p adjusted")
    assert adjusted[0] == decision.c25.adjusted
    assert adjusted[5] == decision.c24.adjusted
    assert adjusted.count(None) == 6
    verdicts = [decision.c25.outcome, *[""] * 4, decision.c24.outcome, "", ""]
    assert column(table, "verdict") == verdicts
    assert column(table, "trials") == ["96", *["24"] * 4, "66", "56", "10"]


def test_the_p_of_a_verdict_is_that_which_it_follows_from() -> None:
    found = drawn_study(gain=0.0, gate=2.0, noise=0.1, seed=2)
    verdict, table = decide_study(found).c24, study(found)
    assert verdict.outcome == "refuted"
    assert column(table, "p")[5] == verdict.p != column(table, "p")[6]


def test_a_test_that_is_not_made_has_no_number() -> None:
    for rows in (WHOLE.rows[:20], ()):
        missing = tuple(row.trial for row in WHOLE.rows[len(rows) :])
        table = study(replace(WHOLE, rows=rows, missing=missing))
        assert column(table, "claim") == ["C25", "C24"]
        assert column(table, "verdict") == ["undecided"] * 2
        for name in ("effect", "from", "to", "p", "p adjusted"):
            assert column(table, name) == [None, None]
        assert column(table, "trials") == [f"{len(rows)} of 96", "0 of 66"]


def test_a_stratum_without_an_order_and_an_interval_of_no_width_are_dashes() -> None:
    alike = tuple(
        drawn_row(WHOLE.protocol, row.trial, 1.0, 0.2)
        if row.trial.network == "residual-44"
        else row
        for row in WHOLE.rows
    )
    assert column(study(replace(WHOLE, rows=alike)), "effect")[3] is None
    ordered = tuple(
        drawn_row(WHOLE.protocol, row.trial, 10.0**place, 0.5 - place / 100)
        for row in WHOLE.rows
        for place in [([*WHOLE.protocol.flow.levels].index(row.trial.level))]
    )
    table = study(replace(WHOLE, rows=ordered))
    assert column(table, "effect")[0] == pytest.approx(-1)
    assert (column(table, "from")[0], column(table, "to")[0]) == (None, None)


def test_levels_hold_the_means_of_flow_and_error() -> None:
    table, points = levels(WHOLE), flow_points(WHOLE)
    assert len(points) == 32
    assert column(table, "batch ratio") == [10**point.flow for point in points]
    assert column(table, "test error (%)") == [100 * point.error for point in points]
    assert set(column(table, "seeds")) == {3}
    marked = [
        row[1:3] for row, note in zip(table.rows, column(table, "note"), strict=True) if note
    ]  # fmt: skip
    assert marked == [(1, 1)] * 4
    assert column(table, "skip")[:4] == [0, 0.25, 0.5, 0.75]
    assert column(table, "branch")[5:8] == [0, 0.3, 3]
    lost = replace(WHOLE, rows=(drawn_row(WHOLE.protocol, WHOLE.rows[0].trial, None, 0.5),))
    assert flow_points(lost)[0].flow == -math.inf
    assert levels(lost).texts[0][3] == "0"


def test_ratios_stand_beside_their_bands() -> None:
    shifts = [0.9, -0.9, 1.1, -1.1]
    rows = tuple(drawn_initial(*pair) for pair in zip(BANDS, shifts, strict=False))
    odd = drawn_initial(BANDS[4]).model_copy(update={"half_width": 0.01, "predicted": 4.0})
    plain110 = drawn_initial(BANDS[5])
    table = initial_ratios(replace(WHOLE, initial=(*rows, odd, plain110)))
    inside = ["inside", "inside", "outside", "outside", "outside", "inside"]
    assert column(table, "the mean is") == inside
    assert column(table, "note")[3:] == [
        "",
        "the band has been changed since",
        "had left it before",
    ]
    assert column(table, "foretold")[:4] == [band.predicted for band in BANDS[:4]]
    assert column(table, "±")[:4] == [band.half_width for band in BANDS[:4]]
    assert column(table, "measured")[0] == pytest.approx(0.455 + 0.9 * 0.2)
    assert column(table, "deviation")[0] == pytest.approx(0.0302765)
    assert "plain-110 (slope 0) had left the band in the exploration already" in table.caption
    assert "gates held" not in table.caption


def test_the_caption_of_ratios_says_seeds_and_what_is_heuristic() -> None:
    caption = initial_ratios(WHOLE).caption
    assert "seeds 100 to 109" in caption
    assert caption.count(f"SE residual: {GATED}") == 1
    for family in ("plain: ", "; residual: ", "; dense: "):
        assert family in caption
    few = initial_ratios(replace(WHOLE, initial=WHOLE.initial[:2]))
    assert "exploration" not in few.caption


def test_what_has_no_record_is_named() -> None:
    with pytest.raises(MissingRecordsError, match="no trial of C25"):
        levels(nothing())
    with pytest.raises(MissingRecordsError, match="fresh networks"):
        initial_ratios(nothing())


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("name", STUDY_TABLES)
def test_every_table_can_be_written(name: str, form: str) -> None:
    assert "residual-20" in render(STUDY_TABLES[name](WHOLE), form)
