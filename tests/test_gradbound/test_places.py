"""Options that name a folder refuse a file; a page lies where its name says."""

from pathlib import Path

import click
import pytest

from gradbound.cli import cli, main
from gradbound.places import Folder, page_file

FOLDERS = [
    (verb, option.opts[0])
    for verb, command in cli.commands.items()
    for option in command.params
    if isinstance(option.type, Folder)
]


def test_every_option_that_names_a_folder_is_known() -> None:
    assert set(FOLDERS) == {
        ("derive", "--out"),
        ("audit", "--results"),
        *(("validate", option) for option in ("--out", "--data-dir")),
        *(("figures", option) for option in ("--out", "--results")),
        ("report", "--results"),
        ("reproduce", "--out"),
        ("doctor", "--data-dir"),
    }


@pytest.mark.parametrize(("verb", "option"), FOLDERS)
def test_a_file_is_no_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, verb: str, option: str
) -> None:
    file = tmp_path / "smoke_report.html"
    file.write_text("kept")
    assert main([verb, option, str(file)]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"gradbound: {file} is a file, not a folder: name a folder for {option}\n"
    assert file.read_text() == "kept"


def test_help_says_what_is_a_folder_and_where_a_page_goes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["report", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "--results FOLDER" in said
    assert "--out PAGE The file, or a folder for report.html: a folder that is there" in said
    assert "has no suffix, unless a file has that name" in said
    assert main(["validate", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "`gradbound validate --preset study --out DIR` begins it" in said
    assert "--resume carries on" in said


def test_a_folder_is_taken_whether_it_is_there_or_not(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "new"):
        assert Folder().convert(str(path), None, None) == path


@pytest.mark.parametrize(
    ("value", "page"),
    [
        ("rep", "rep/report.html"),
        ("rep/", "rep/report.html"),
        ("rep.d/", "rep.d/report.html"),
        ("there.d", "there.d/report.html"),
        ("there/rep", "there/rep/report.html"),
        ("page.html", "page.html"),
        ("there.d/page.htm", "there.d/page.htm"),
        ("file", "file"),
        ("", "."),
    ],
)
def test_a_page_is_a_file_or_lies_in_a_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, page: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.d").mkdir()
    Path("file").touch()
    option = click.Option(["--out"])
    assert page_file(click.Context(cli), option, value) == Path(page)
