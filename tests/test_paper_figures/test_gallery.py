"""What there are records for is written, and what is not known is refused by name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from printed import analysis, watched
from test_paper_figures.with_every_loss import with_every_loss
from test_validate.small_study import drawn_initial, drawn_study

from derivations.errors import InputError
from paper_figures import (
    FIGURES,
    PLATES,
    STUDY_PLATES,
    TABLES,
    MissingRecordsError,
    ModelRecords,
    draw,
    draw_each,
    draw_models,
    draw_study,
    gallery,
)
from paper_figures.study.study_tables import STUDY_TABLES
from paper_figures.tables.table_registry import PRINTED
from validate.comparison.initial_bands import BANDS
from validate.records.read import read_results
from validate.records.schema import Results

FIGURE_FILES = ("pdf", "png", "csv", "md", "tex")
TABLE_FILES = ("md", "tex", "csv")


def test_everything_is_drawn(second: Results, tmp_path: Path) -> None:
    drawn = draw(second, tmp_path / "figures")
    stems = {plate.file_stem(name, second): FIGURE_FILES for name, plate in FIGURES.items()}
    stems |= {name if name in PRINTED else f"{name}-smoke": TABLE_FILES for name in TABLES}
    expected = {f"{name}.{suffix}" for name, kinds in stems.items() for suffix in kinds}
    assert "agreement-smoke.pdf" in expected
    assert "block_plain.pdf" in expected
    assert (
        {path.name for path in drawn.files}
        == expected
        == {path.name for path in (tmp_path / "figures").iterdir()}
    )
    assert drawn.skipped == {}


@pytest.mark.parametrize("only", ["table_limits", ["table_limits"]])
def test_one_name_draws_one_thing(results: Results, tmp_path: Path, only: str | list[str]) -> None:
    drawn = draw(results, tmp_path, only)
    assert (
        {path.name for path in drawn.files}
        == {f"table_limits-smoke.{suffix}" for suffix in TABLE_FILES}
        == {path.name for path in tmp_path.iterdir()}
    )


def test_what_has_no_records_is_skipped_and_named(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "PLATES", ("block_plain", "sqrt_law", *TABLES))
    folder = write(
        tmp_path / "records",
        lambda row: row.model_copy(update={"family": "plain"}) if hasattr(row, "epsilon") else row,
    )
    results = with_every_loss(read_results(folder))
    drawn = draw(results, tmp_path / "out")
    assert drawn.skipped.keys() == {"sqrt_law"}
    assert "dense" in drawn.skipped["sqrt_law"]
    assert {path.stem.removesuffix("-smoke") for path in drawn.files} == {"block_plain", *TABLES}
    with pytest.raises(MissingRecordsError, match="dense"):
        draw(results, tmp_path / "other", "sqrt_law")


def test_an_unknown_name_is_refused_with_the_known_ones(results: Results, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'pie'.*block_plain.*sqrt_law.*table_limits"):
        draw(results, tmp_path / "out", "pie")
    assert not (tmp_path / "out").exists()


def test_each_is_written_when_it_is_asked_for_and_not_before(
    results: Results, tmp_path: Path
) -> None:
    drawing = draw_each(replace(results, vanishing=()), tmp_path, ["table_limits", "table_bounds"])
    name, missing = next(drawing)
    assert (name, list(tmp_path.iterdir())) == ("table_limits", [])
    assert isinstance(missing, MissingRecordsError)
    name, files = next(drawing)
    assert (name, sorted(files)) == ("table_bounds", sorted(tmp_path.iterdir()))
    assert next(drawing, None) is None


def test_a_figure_comes_with_its_caption_and_its_numbers(results: Results, tmp_path: Path) -> None:
    draw(results, tmp_path, "sqrt_law")
    text, latex = ((tmp_path / f"sqrt_law.{kind}").read_text() for kind in ("md", "tex"))
    assert text.startswith("![Left: measured ratios")
    assert "(sqrt_law.png)" in text
    assert "Figure 12. The √l law. What is left" in text
    assert "Drawn from: own measurements of single blocks" in text
    assert r"\includegraphics[width=6.9in]{sqrt_law.pdf}" in latex
    assert r"\caption{The $\surd$$l$ law. What is left" in latex
    assert "(b) The four blocks" in latex
    assert (tmp_path / "sqrt_law.csv").read_text().startswith("panel,series,kind,x,y\n(a) ")


def test_two_records_may_lie_in_one_folder(results: Results, tmp_path: Path) -> None:
    preset = results.manifest.model_copy(update={"preset": "../odd name"})
    draw(replace(results, manifest=preset), tmp_path, "agreement")
    draw(results, tmp_path, "agreement")
    assert {path.stem for path in tmp_path.iterdir()} == {
        "agreement-smoke",
        "agreement-_odd_name",
    }


def test_plates_are_all_figures_then_all_tables() -> None:
    assert (*FIGURES, *TABLES) == PLATES
    assert len(set(PLATES)) == len(PLATES)


def test_figures_of_models_are_drawn_all_or_by_name(tmp_path: Path) -> None:
    nothing = replace(analysis(), blocks=())
    records = ModelRecords({"a": analysis(), "none": nothing}, {"b": watched()})
    outcomes = dict(draw_models(records, tmp_path))
    assert list(outcomes) == ["analysis_a", "analysis_none", "watch_b"]
    assert isinstance(outcomes["analysis_none"], MissingRecordsError)
    drawn = {path.name for path in tmp_path.iterdir()}
    assert drawn == {
        f"{name}.{kind}" for name in ("analysis_a", "watch_b") for kind in FIGURE_FILES
    }
    assert list(dict(draw_models(records, tmp_path / "one", ["watch_b"]))) == ["watch_b"]
    assert len(list((tmp_path / "one").iterdir())) == len(FIGURE_FILES)


def test_figures_and_tables_of_a_study_are_drawn_all_or_by_name(tmp_path: Path) -> None:
    study = replace(drawn_study(), initial=(drawn_initial(BANDS[0]),))
    outcomes = dict(draw_study(study, tmp_path / "all"))
    assert tuple(outcomes) == STUDY_PLATES
    assert {path.name for path in (tmp_path / "all").iterdir()} == {
        *(f"study_effects.{kind}" for kind in FIGURE_FILES),
        *(
            f"{name}.{kind}"
            for name in STUDY_PLATES
            if name in STUDY_TABLES
            for kind in TABLE_FILES
        ),
    }
    one = dict(draw_study(study, tmp_path / "one", ["table_levels"]))
    assert one == {
        "table_levels": tuple(tmp_path / "one" / f"table_levels.{kind}" for kind in TABLE_FILES)
    }
    assert "| residual-20 |" in (tmp_path / "one" / "table_levels.md").read_text()
    nothing = replace(study, rows=(), initial=(), missing=tuple(row.trial for row in study.rows))
    missing = [
        name
        for name, outcome in draw_study(nothing, tmp_path / "none")
        if isinstance(outcome, MissingRecordsError)
    ]
    assert missing == ["study_effects", "table_levels", "table_initial_ratios"]
