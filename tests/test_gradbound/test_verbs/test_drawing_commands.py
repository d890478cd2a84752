"""`figures` and `report` say as JSON what they wrote, and what the records lack."""

import json
from pathlib import Path

import pytest
from printed import analysis

from gradbound.cli import main
from validate.records.recorded import RECORDED

KINDS = ("pdf", "png", "csv", "md", "tex")


@pytest.fixture
def of_a_model(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "net.json").write_text(analysis().json())
    return folder


def test_figures_say_what_was_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked = ["figures", "--results", str(RECORDED), "--out", str(out), "--only", "block_plain"]
    assert main([*asked, "--format", "json", "--quiet"]) == 0
    printed, err = capsys.readouterr()
    assert err == ""
    assert json.loads(printed) == {
        "schema": "gradbound.figures/1",
        "results": str(RECORDED),
        "written": [str(out / f"block_plain.{kind}") for kind in KINDS],
        "left_out": {},
    }
    assert main([*asked, "--format", "json", "--quiet"]) == 0
    assert capsys.readouterr().out == printed


def test_figures_say_what_the_records_lack(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from paper_figures import MissingRecordsError

    lacking = iter([("agreement", MissingRecordsError("no rows"))])
    monkeypatch.setattr("paper_figures.draw_each", lambda *_: lacking)
    monkeypatch.setattr("paper_figures.draw_study", lambda *_: iter(()))
    monkeypatch.setattr("validate.records.read.read_results", lambda folder: folder)
    out = ["--results", str(RECORDED), "--out", str(tmp_path)]
    assert main(["figures", *out, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == {"agreement": "no rows"}


def test_a_model_is_drawn_beside_no_results(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, of_a_model: Path
) -> None:
    out = tmp_path / "out"
    asked = ["--results", str(of_a_model), "--out", str(out), "--format", "json"]
    assert main(["figures", *asked]) == 0
    written = json.loads(capsys.readouterr().out)["written"]
    assert sorted(written) == sorted(str(path) for path in out.iterdir())


def test_a_report_says_where_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, of_a_model: Path
) -> None:
    page = tmp_path / "page.html"
    asked = ["report", "--results", str(of_a_model), "--out", str(page), "--quiet"]
    assert main([*asked, "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert (found["schema"], found["written"]) == ("gradbound.report/1", [str(page)])
    assert page.exists()
    assert main(asked) == 0
    assert capsys.readouterr().out == f"{page}\n"
