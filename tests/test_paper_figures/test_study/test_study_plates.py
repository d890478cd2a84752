"""The figures of the study are listed with words that say what is drawn and what is missing."""

from dataclasses import replace

import pytest
from matplotlib.figure import Figure
from test_validate.small_study import drawn_study

from paper_figures import FIGURES, TABLES
from paper_figures.figures.select import MissingRecordsError
from paper_figures.study.study_plates import STUDY_FIGURES, STUDY_PLATES, study_figures
from paper_figures.study.study_tables import STUDY_TABLES

WHOLE = drawn_study(rho=-0.9, gain=-1.0, gate=1.0)


def test_names_are_those_of_the_figures_and_tables_and_no_others() -> None:
    assert tuple(study_figures(WHOLE)) == STUDY_FIGURES
    assert (*STUDY_FIGURES, *STUDY_TABLES) == STUDY_PLATES
    assert len({*STUDY_PLATES, *FIGURES, *TABLES}) == len(STUDY_PLATES) + len(FIGURES) + len(TABLES)


def test_words_say_what_is_drawn_and_never_how_it_came_out() -> None:
    (plate,) = study_figures(WHOLE).values()
    (other,) = study_figures(drawn_study(rho=0.9, gain=1.0, gate=-1.0)).values()
    assert (plate.caption, plate.alt, plate.title) == (other.caption, other.alt, other.title)
    assert "C25" in plate.caption
    assert "0.3 points" in plate.caption
    assert isinstance(plate(), Figure)
    assert plate.notes == ()


def test_what_is_missing_is_said() -> None:
    missing = tuple(row.trial for row in WHOLE.rows[100:])
    (plate,) = study_figures(replace(WHOLE, rows=WHOLE.rows[:100], missing=missing)).values()
    (note,) = plate.notes
    assert note.startswith(f"C24: {len(missing)} of {len(missing) + 4} trials are not there yet")
    (empty,) = study_figures(replace(WHOLE, rows=(), missing=())).values()
    with pytest.raises(MissingRecordsError):
        empty()
