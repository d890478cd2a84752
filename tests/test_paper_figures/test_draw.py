"""Tests the room's front door: `draw` writes what there are records for, and refuses what it does
not know."""

from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from derivations.errors import InputError
from paper_figures import FIGURES, TABLES, MissingRecordsError, draw, gallery
from validate.records.schema import Results


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_one(results: Results, name: str) -> None:
    figure = FIGURES[name](results)
    assert isinstance(figure, Figure)
    assert figure.get_figwidth() in (3.35, 6.9)
    figure.draw_without_rendering()


def test_everything_is_drawn_from_the_folder_alone(folder: Path, tmp_path: Path) -> None:
    drawn = draw(folder, tmp_path / "figures")
    expected = {f"{name}.{suffix}" for name in FIGURES for suffix in ("pdf", "png")}
    expected |= {f"{name}.{suffix}" for name in TABLES for suffix in ("md", "tex")}
    assert (
        {path.name for path in drawn.files}
        == expected
        == {path.name for path in (tmp_path / "figures").iterdir()}
    )
    assert drawn.skipped == {}


@pytest.mark.parametrize("only", ["table_limits", ["table_limits"]])
def test_one_name_draws_one_thing(folder: Path, tmp_path: Path, only: str | list[str]) -> None:
    drawn = draw(str(folder), str(tmp_path), only)
    assert (
        {path.name for path in drawn.files}
        == {"table_limits.md", "table_limits.tex"}
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
    drawn = draw(folder, tmp_path / "out")
    assert drawn.skipped.keys() == {"sqrt_law"}
    assert "dense" in drawn.skipped["sqrt_law"]
    assert {path.stem for path in drawn.files} == {"block_plain", *TABLES}
    with pytest.raises(MissingRecordsError, match="dense"):
        draw(folder, tmp_path / "other", "sqrt_law")


def test_an_unknown_name_is_refused_with_the_known_ones(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'pie'.*block_plain.*sqrt_law.*table_limits"):
        draw(folder, tmp_path / "out", "pie")
    assert not (tmp_path / "out").exists()


def test_missing_and_broken_records_are_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="validate"):
        draw(tmp_path / "nowhere", tmp_path / "out")
    folder = write(tmp_path / "records")
    (folder / "manifest.json").write_text("{")
    with pytest.raises(InputError, match=r"manifest\.json"):
        draw(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
