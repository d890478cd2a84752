"""Runs of like lines are printed by their ends; long sums by theirs, with what is left out."""

import re
from dataclasses import replace

import pytest

from derivations.book.document import CheckRecord, StepRecord
from derivations.book.shown_lines import LONGEST_SUM, REPEATED, Gap, brief, shown

PASSED = (CheckRecord("one", ok=True), CheckRecord("other", ok=True))


def steps(*rules: str) -> list[StepRecord]:
    return [StepRecord(rule, "0 = 0", "0 = 0", "", PASSED) for rule in rules]


def rows(made: list[StepRecord]) -> list[str]:
    return [row.step.rule if row.step else f"{row.first} to {row.last}" for row in shown(made)]


def test_of_a_run_the_first_and_the_last_are_shown():
    made = steps("start", *(f"l = {each}" for each in range(1, 65)), "end")
    assert rows(made) == ["start", "l = 1", "3 to 64", "l = 64", "end"]
    (gap,) = [row for row in shown(made) if isinstance(row, Gap)]
    assert gap.said.startswith("62 lines of the same form, from “l = 2” to “l = 63”: all passed")
    assert gap.number == "3–64"


def test_a_run_may_repeat_two_lines():
    made = steps(*(rule for each in range(1, 9) for rule in (f"L = {each}", f"paths 0…{each}")))
    assert rows(made) == ["L = 1", "paths 0…1", "3 to 14", "L = 8", "paths 0…8"]
    assert rows(made[:-1])[-2:] == ["paths 0…7", "L = 8"]


def test_short_runs_and_lines_that_count_nothing_are_shown_whole():
    few = steps(*(f"l = {each}" for each in range(REPEATED - 1)))
    assert len(rows(few)) == len(few)
    assert len(rows([*few, *steps("l = 9")])) == 3
    assert len(rows(steps(*["substitution"] * 9))) == 9


def test_a_line_that_failed_is_never_left_out():
    made = steps(*(f"l = {each}" for each in range(9)))
    wrong = replace(made[4], checks=(PASSED[0], replace(PASSED[1], ok=False)))
    assert "l = 4" in rows([*made[:4], wrong, *made[5:]])
    assert "l = 4" not in rows(made)


def test_every_line_is_shown_or_counted(document):
    hidden = 0
    for part in (*document.blocks, *document.equations, *document.theorems):
        numbers: list[int] = []
        for row in shown(part.steps):
            if isinstance(row, Gap):
                assert row.steps == part.steps[row.first - 1 : row.last]
                numbers += range(row.first, row.last + 1)
                hidden += len(row.steps)
            else:
                assert row.step == part.steps[row.number - 1]
                numbers.append(row.number)
        assert numbers == list(range(1, len(part.steps) + 1))
    assert hidden > 100


def test_no_wall_is_printed(document):
    longest = max(
        len(brief(row.step.latex))
        for part in (*document.blocks, *document.theorems)
        for row in shown(part.steps)
        if row.step
    )
    assert longest < 1500
    assert max(len(step.latex) for step in document.steps) > 10000


@pytest.mark.parametrize("around", ["{}", r"\left({}\right)", r"x = {}", r"\frac{{{}}}{{2}}"])
def test_a_long_sum_is_cut_and_says_how_many_terms_it_hides(around):
    many = LONGEST_SUM + 1
    terms = [f"J_{{{each}}}^{{\\top}} h" for each in range(many)]
    cut = brief(around.format(" + ".join(terms)))
    assert re.findall(r"J_\{(\d+)\}", cut) == ["0", "1", str(many - 1)]
    assert rf"\text{{ {many - 3} more }}" in cut
    whole = around.format(" + ".join(terms[1:]))
    assert brief(whole) == whole


def test_sums_end_at_relations_commas_and_columns():
    half = " + ".join(f"a_{each}" for each in range(8))
    for between in (" = ", ", ", r" \le ", r"\\", "&"):
        assert brief(half + between + half) == half + between + half
    assert brief(f"- {half}") == f"- {half}"
