"""The verbs find the study, draw it, report it, and say where there is none."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from test_validate.small_study import drawn_initial, drawn_study

from gradbound.cli import main
from gradbound.verbs.study_commands import study_at
from paper_figures import STUDY_PLATES
from validate.comparison.initial_bands import BANDS
from validate.records.codec import write_jsonl
from validate.study.study_folder import INITIAL_FILE, PROTOCOL_FILE, TRIALS_FILE

FILES = {
    *(f"study_effects.{kind}" for kind in ("pdf", "png", "csv", "md", "tex")),
    *(
        f"{name}.{kind}"
        for name in STUDY_PLATES
        if "table" in name
        for kind in ("md", "tex", "csv")
    ),
}


def write_study(folder: Path, trials: int | None = None) -> Path:
    """A study as a folder holds it, with its first trials alone if asked."""
    study = drawn_study(rho=-0.9, gain=-1.0, gate=1.0)
    folder.mkdir()
    (folder / PROTOCOL_FILE).write_text(study.protocol.text)
    write_jsonl(folder / TRIALS_FILE, list(study.rows[:trials]))
    if trials is None:
        write_jsonl(folder / INITIAL_FILE, [drawn_initial(band) for band in BANDS])
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("study") / "whole")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder in place of that of the recorded runs, with no study beside it."""
    folder = tmp_path / "cpu"
    folder.mkdir()
    (folder / "manifest.json").touch()
    monkeypatch.setattr("validate.records.recorded.RECORDED", folder)
    monkeypatch.setattr("validate.study.recorded_study.RECORDED_STUDY", tmp_path / "none")
    return folder


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch, runs: Path, whole: Path) -> Path:
    """A study that comes with the recorded runs."""
    monkeypatch.setattr("validate.study.recorded_study.RECORDED_STUDY", whole)
    return whole


def refused(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_the_study_is_that_of_the_folder_or_comes_with_the_recorded_runs(
    whole: Path, recorded: Path, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert study_at(whole).folder == whole
    assert study_at(runs).folder == recorded
    assert study_at(tmp_path) is None
    monkeypatch.setattr("validate.study.recorded_study.RECORDED_STUDY", tmp_path)
    assert study_at(runs) is None


def test_a_study_alone_gives_its_figures_and_its_page(
    capsys: pytest.CaptureFixture[str], whole: Path, tmp_path: Path
) -> None:
    out, page = tmp_path / "figures", tmp_path / "page.html"
    assert main(["figures", "--results", str(whole), "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == FILES
    assert len(capsys.readouterr().out.splitlines()) == len(FILES)
    assert main(["report", "--results", str(whole), "--out", str(page)]) == 0
    assert capsys.readouterr().out == f"{page}\n"
    assert ">Depth, gradient flow and test error</h1>" in page.read_text()


def test_a_study_that_has_begun_is_drawn_as_far_as_it_goes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder, out = write_study(tmp_path / "begun", 4), tmp_path / "figures"
    assert main(["figures", "--results", str(folder), "--out", str(out)]) == 0
    assert "left out table_initial_ratios: no ratios" in capsys.readouterr().err
    assert {path.stem for path in out.iterdir()} == {*STUDY_PLATES} - {"table_initial_ratios"}
    said = refused(
        capsys, 3, "figures", "--results", str(folder), "--out", str(out), "--only",
        "table_initial_ratios",
    )  # fmt: skip
    assert "no ratios of fresh networks" in said
    empty = write_study(tmp_path / "empty", 0)
    assert main(["report", "--results", str(empty), "--out", str(tmp_path / "page.html")]) == 0
    assert "Not drawn" in (tmp_path / "page.html").read_text()


def test_one_name_draws_one_thing_of_a_study(whole: Path, tmp_path: Path) -> None:
    asked = ["figures", "--results", str(whole), "--out", str(tmp_path), "--only", "table_study"]
    assert main(asked) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        f"table_study.{kind}" for kind in ("md", "tex", "csv")
    }


def test_what_is_not_in_the_folder_is_refused_before_anything_is_written(
    capsys: pytest.CaptureFixture[str], runs: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    names = ["--only", "block_plain", "--only", "table_study"]
    said = refused(
        capsys, 3, "figures", "--results", str(runs), "--out", str(out), *names
    )  # fmt: skip
    assert "table_study shows a study" in said
    assert "gradbound validate --preset study --out DIR" in said
    assert not out.exists()
    said = refused(
        capsys, 3, "figures", "--results", str(whole), "--out", str(out), "--only", "sqrt_law"
    )
    assert "manifest.json" in said
    said = refused(
        capsys, 2, "figures", "--results", str(whole), "--out", str(out), "--only", "nope"
    )
    assert "study_effects" in said
    assert not out.exists()


def test_altered_trials_end_with_3_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder, out = write_study(tmp_path / "altered", 2), tmp_path / "out"
    text = (folder / TRIALS_FILE).read_text()
    (folder / TRIALS_FILE).write_text(text.replace('"train_loss":0.5', '"train_loss":0.4'))
    assert (folder / TRIALS_FILE).read_text() != text
    for verb in ("figures", "report"):
        said = refused(capsys, 3, verb, "--results", str(folder), "--out", str(out))
        assert "was altered" in said
    assert not out.exists()


def test_with_the_recorded_runs_comes_the_study(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    runs: Path,
    recorded: Path,
    tmp_path: Path,
) -> None:
    given = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gradbound.api.derive", lambda **_: "document")
    monkeypatch.setattr("gradbound.api.audit", lambda chosen, **_: "verdicts")
    monkeypatch.setattr("validate.records.read.read_results", lambda folder: folder)
    monkeypatch.setattr("validate.records.recorded.recorded_on_gpu", lambda: ())
    monkeypatch.setattr("paper_figures.write_report", lambda *parts: given.extend(parts) or "made")
    monkeypatch.setattr("paper_figures.PLATES", ("sqrt_law",))
    monkeypatch.setattr("paper_figures.draw_each", lambda *_: iter(()))
    assert main(["report", "--out", "page.html"]) == 0
    assert given[0] == runs
    assert given[-2].folder == recorded
    assert given[-1] == "verdicts"
    assert main(["figures", "--out", "figures"]) == 0
    assert {path.name for path in (tmp_path / "figures").iterdir()} == FILES
    capsys.readouterr()


def test_a_study_in_results_is_taken_by_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_study(tmp_path / "results", 4)
    monkeypatch.chdir(tmp_path)
    assert main(["figures", "--only", "table_levels"]) == 0
    assert "| residual-20 |" in (tmp_path / "figures" / "table_levels.md").read_text()


def test_the_study_takes_no_options_but_its_protocol_and_tells_its_verdicts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    study = replace(drawn_study(rho=-0.9, gain=-1.0, gate=1.0), folder=tmp_path)
    monkeypatch.setattr("gradbound.jobs.study", lambda *_, **__: study)
    asked = ["validate", "--preset", "study", "--out", str(tmp_path), "--quiet"]
    assert "--dataset" in refused(capsys, 2, *asked, "--seeds", "3")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "RANK" in refused(capsys, 3, *asked)
    monkeypatch.delenv("RANK")
    monkeypatch.delenv("WORLD_SIZE")
    assert main(asked) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{tmp_path}: {len(study.rows)} trials"
    assert [line[:14] for line in said[1:]] == ["C25: confirmed", "C24: confirmed"]


@pytest.mark.parametrize(
    "option", [("--seeds", "3"), ("--dataset", "digits"), ("--device", "cpu"), ("--budget", "9")]
)
def test_what_its_protocol_says_cannot_be_asked_for(
    option: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "my study"
    asked = ["validate", "--preset", "study", "--out", str(out), "--data-dir", str(tmp_path)]
    said = refused(capsys, 2, *asked, *option)
    assert "leave out" in said
    assert f"run `{shlex.join(['gradbound', *asked])}`, which begins it" in said
    assert not out.exists()
    write_study(out, 1)
    said = refused(capsys, 2, *asked, *option)
    assert f"run `{shlex.join(['gradbound', *asked, '--resume'])}`, which carries on" in said


def test_a_dry_run_of_the_study_tells_what_is_done_and_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradbound.jobs.study", None)  # called, it would fail
    asked = ["validate", "--preset", "study", "--dry-run", "--out", str(tmp_path / "s")]
    assert main(asked) == 0
    assert not (tmp_path / "s").exists()
    assert f"{tmp_path / 's'}: 0 of " in capsys.readouterr().out
    write_study(tmp_path / "s", 3)
    assert main([*asked, "--resume"]) == 0
    out, err = capsys.readouterr()
    assert f"{tmp_path / 's'}: 3 of " in out
    assert "\nC25: 3 of 96 trials done, 93 left, about " in out
    assert err == ""
