"""The study on a page: its verdicts, what it took, and whether its protocol is still the same."""

from dataclasses import replace

from test_validate.small_study import drawn_initial, drawn_study

from paper_figures.pages.study_section import changed_lines, study_section
from validate.comparison.initial_bands import BANDS
from validate.study.protocol import read_protocol
from validate.study.study_verdicts import decide_study

WHOLE = replace(
    drawn_study(rho=-0.95, gain=0.0, gate=2.0, noise=0.1, seed=2),
    initial=tuple(drawn_initial(band) for band in BANDS[:3]),
)


def test_verdicts_are_those_of_the_study_with_the_protocol_s_words() -> None:
    section, decision = study_section(WHOLE), decide_study(WHOLE)
    assert [each.verdict for each in section.judged] == [decision.c25, decision.c24]
    flow, depth = section.judged
    assert flow.question == WHOLE.protocol.flow.question
    assert "not the four families of the paper" in flow.question
    assert depth.decision == WHOLE.protocol.depth.decision
    assert flow.trials == (96, 96)
    assert section.changed == ()


def test_figures_and_tables_are_there_or_it_is_said_why_not() -> None:
    section = study_section(WHOLE)
    (picture,) = section.pictures
    assert picture.wide
    assert picture.image != picture.narrow != ""
    assert [table.count("<table ") for table in section.tables] == [1, 1, 1]
    begun = study_section(
        replace(WHOLE, rows=(), initial=(), missing=tuple(row.trial for row in WHOLE.rows))
    )
    assert "no level and no pair" in begun.pictures[0].missing
    assert [table.count("<table ") for table in begun.tables] == [1, 0, 0]
    assert begun.judged[0].trials == (0, 96)
    assert begun.kinds == {}
    assert begun.counted == {}


def test_what_it_took_is_added_up_by_kind_of_processor() -> None:
    rows = tuple(
        row.model_copy(update={"seconds": 60.5, "made_on": "cpu b" if place < 3 else "cpu a"})
        for place, row in enumerate(WHOLE.rows)
    )
    section = study_section(replace(WHOLE, rows=rows))
    assert section.kinds == {"cpu a": len(rows) - 3, "cpu b": 3}
    assert len(rows) == 146
    assert section.time == "2 h 27 min"
    missing = tuple(row.trial for row in rows[2:])
    assert study_section(replace(WHOLE, rows=rows[:2], missing=missing)).time == "2 min 1 s"
    begun = study_section(replace(WHOLE, rows=WHOLE.rows[:2], missing=missing))
    assert begun.time == "2 s"


def test_lines_that_were_changed_are_shown_and_no_others() -> None:
    shipped = read_protocol()
    before = "level = 0.05 # of"
    text = shipped.text.replace(before, "level = 0.01 # of")
    old = shipped.model_copy(update={"text": text})
    less, more = changed_lines(old, shipped)
    assert less.startswith("-level = 0.01 # of")
    assert more.startswith("+level = 0.05 # of")
    assert study_section(replace(WHOLE, protocol=old)).changed == (less, more)
    assert changed_lines(shipped, shipped) == ()


def test_what_it_holds_is_counted_among_the_checks() -> None:
    counted = study_section(WHOLE).counted
    assert [(each.checks, each.failed) for each in counted.values()] == [(3, 0), (1, 1), (1, 0)]
