"""The command line as its users run it: what is printed where, what is written, the exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from printed import analysis, watched
from root import ROOT

from gradbound.cli import cli, main
from validate.records.recorded import RECORDED

HEAVY = {"torch", "sympy", "matplotlib", "numpy", "scipy", "rich", "pydantic", "jinja2"}


def refused(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """The one line on stderr with which the command line refuses, its exit code checked."""
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("gradbound: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], *([verb, "--help"] for verb in cli.commands)],
    ids=" ".join,
)
def test_help_answers_without_importing_anything_heavy(arguments: list[str]) -> None:
    code = (
        f"import sys; from gradbound.cli import main; code = main({arguments}); assert not "
        f"{HEAVY} & set(sys.modules); sys.exit(code)"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout
    assert outcome.stderr == ""


def test_import_gradbound_imports_nothing_heavy() -> None:
    code = (
        f"import sys, gradbound; gradbound.__version__; assert not {HEAVY | {'click'}} & "
        "set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nope"], "choose from analyze, audit"),
        (["analyze"], "analyze"),
        (["audit", "--format", "pdf"], "choose from text, latex, markdown, json"),
        (["audit", "C5"], "C5"),
        (["derive", "nope"], "choose from plain, residual, se_residual, dense"),
        (["derive", "--format", "pdf"], "choose from text, latex, markdown, json"),
        (["derive", "--time-limit", "0"], "--time-limit"),
        (["derive", "--bogus"], "--bogus"),
        (["figures", "--only", "nope"], "sqrt_law"),
        (["validate", "--preset", "huge"], "choose from smoke, cpu, study, gpu"),
        (["validate", "--dataset", "mnist"], "digits, fashion-mnist, cifar10"),
        (["validate", "--seeds", "0"], "--seeds"),
        (["reproduce", "everything"], "everything"),
    ],
)
def test_usage_errors_end_with_2_and_name_the_way_out(
    capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    message = refused(capsys, 2, *arguments)
    assert named in message
    assert "--help" in message


@pytest.mark.parametrize("verb", ["derive", "validate", "figures", "report", "reproduce"])
def test_out_below_a_file_ends_with_3(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny: Path, verb: str
) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    source = (
        ["--results", str(tiny)]
        if verb in ("figures", "report")
        else ["--quiet"]
        if verb != "derive"
        else []
    )
    assert str(file) in refused(capsys, 3, verb, *source, "--out", str(file / "below"))
    assert file.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("verb", ["figures", "report"])
def test_results_that_are_not_there_end_with_3(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, verb: str
) -> None:
    missing, out = tmp_path / "missing", tmp_path / "out"
    assert str(missing) in refused(capsys, 3, verb, "--results", str(missing), "--out", str(out))
    assert not out.exists()


def test_missing_data_end_with_3(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    message = refused(
        capsys,
        3,
        "validate",
        "--dataset",
        "cifar10",
        "--data-dir",
        str(tmp_path),
        "--out",
        str(tmp_path / "out"),
    )
    assert str(tmp_path) in message


def test_unknown_device_ends_with_3(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "'tpu'" in refused(
        capsys, 3, "validate", "--device", "tpu", "--out", str(tmp_path / "out")
    )


def test_time_limit_ends_with_6(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--time-limit" in refused(capsys, 6, "derive", "plain", "--time-limit", "0.001")


def test_derive_prints_and_writes_the_same_document(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["derive", "plain", "--format=json", "--quiet", f"--out={tmp_path}/a/b"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    document = json.loads(out)
    assert document["schema"] == "gradbound.derive/1"
    assert document["ok"] is True
    assert {block["block"] for block in document["blocks"]} == {"plain"}
    assert (tmp_path / "a" / "b" / "derivations.json").read_text() == out
    written = {
        str(path.relative_to(tmp_path / "a" / "b")) for path in (tmp_path / "a" / "b").rglob("*.*")
    }
    assert written == {
        *(f"derivations.{suffix}" for suffix in ("tex", "md", "json")),
        "diagrams/plain.pdf",
        "diagrams/plain.svg",
    }


def test_derive_prints_the_same_whatever_order_sets_have_in_a_process() -> None:
    asked = [sys.executable, "-m", "gradbound", "derive", "highway", "input_gate"]
    printed = {
        subprocess.run(
            [*asked, "--format", "json"],
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in range(4)
    }
    assert len(printed) == 1


def test_derive_loads_matplotlib_only_to_draw(tmp_path: Path) -> None:
    code = (
        "import sys; from gradbound.cli import main; code = main({}); print('matplotlib' in "
        "sys.modules, file=sys.stderr); sys.exit(code)"
    )
    for arguments, loaded in (
        (["derive", "plain", "--quiet"], "False"),
        (["derive", "plain", "--quiet", "--out", str(tmp_path)], "True"),
    ):
        outcome = subprocess.run(
            [sys.executable, "-c", code.format(arguments)],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        assert outcome.stderr.strip() == loaded


@pytest.mark.parametrize(
    ("form", "mark"),
    [("text", "residual block"), ("latex", r"\documentclass"), ("markdown", "# Derivations")],
)
def test_derive_formats(capsys: pytest.CaptureFixture[str], form: str, mark: str) -> None:
    assert main(["derive", "residual", "--format", form]) == 0
    assert mark in capsys.readouterr().out


def test_failed_step_ends_with_4_names_it_and_still_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from derivations.book.derive import derive
    from derivations.book.document import CheckRecord

    derived = derive(["plain"])
    block = derived.blocks[0]
    wrong = replace(
        block.steps[0],
        checks=(CheckRecord("sleight of hand", False), *block.steps[0].checks),
    )
    failed = replace(
        derived,
        ok=False,
        blocks=(replace(block, steps=(wrong, *block.steps[1:])), *derived.blocks[1:]),
    )
    monkeypatch.setattr("gradbound.api.derive", lambda *blocks, **_: failed)
    assert main(["derive", "plain", "--format", "json", "--quiet"]) == 4
    out, err = capsys.readouterr()
    assert json.loads(out)["ok"] is False
    assert "sleight of hand" in err
    assert "step 1" in err
    assert err.count("\n") == 1


def test_a_bug_is_one_line_and_shows_its_traceback_on_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*blocks: str, **_: object) -> None:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("gradbound.api.derive", broken)
    monkeypatch.delenv("GRADBOUND_DEBUG", raising=False)
    message = refused(capsys, 1, "derive")
    assert "ZeroDivisionError: two lines" in message
    assert "GRADBOUND_DEBUG=1" in message
    monkeypatch.setenv("GRADBOUND_DEBUG", "1")
    assert main(["derive"]) == 1
    assert "Traceback" in capsys.readouterr().err


def an_audit() -> Any:
    from validate.audit.audit_document import SCHEMA as schema
    from validate.audit.audit_document import Audit, ClaimRecord

    found: dict[str, Any] = {
        "given": {"∂F/∂x": "−1"},
        "claims": "∂L/∂x ≠ 0",
        "found": "∂L/∂x = 0",
        "autograd": {"dL/dx": 0.0},
    }
    claim = ClaimRecord(
        "C5",
        "section 3",
        "it cannot be lost",
        "scalar",
        "refuted",
        "",
        {"summary": "a search"},
        {"statement": "s"} | found,
    )
    return Audit(schema, (claim,))


@pytest.mark.parametrize(
    ("form", "mark"),
    [
        ("text", "C5 ✗ refuted"),
        ("latex", r"\subsection*{C5: refuted}"),
        ("markdown", "## C5"),
        ("json", '"verdict": "refuted"'),
    ],
)
def test_audit_prints_findings_and_ends_with_0(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    form: str,
    mark: str,
) -> None:
    asked = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "gradbound.api.audit",
        lambda results, *, seconds, progress: asked.append((results, seconds)) or an_audit(),
    )
    assert main(["audit", "--format", form, "--time-limit", "7"]) == 0
    assert mark in capsys.readouterr().out
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "manifest.json").touch()
    assert main(["audit"]) == main(["audit", "--results", "else"]) == 0
    assert asked == [(RECORDED, 7.0), (Path("results"), 120.0), (Path("else"), 120.0)]


def test_audit_of_results_that_are_not_there_ends_with_3(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert str(tmp_path / "missing") in refused(
        capsys, 3, "audit", "--results", str(tmp_path / "missing")
    )


def test_audit_of_altered_results_ends_with_3(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny: Path
) -> None:
    import shutil

    copy = tmp_path / "results"
    shutil.copytree(tiny, copy)
    (copy / "vanishing.jsonl").write_text("{}\n")
    assert "vanishing.jsonl" in refused(capsys, 3, "audit", "--results", str(copy))


def test_audit_beyond_its_time_ends_with_6(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--time-limit" in refused(capsys, 6, "audit", "--time-limit", "0.001")


@pytest.mark.slow
def test_audit_of_real_records(capsys: pytest.CaptureFixture[str], tiny: Path) -> None:
    assert main(["audit", "--results", str(tiny), "--format", "json"]) == 0
    claims = {claim["id"]: claim for claim in json.loads(capsys.readouterr().out)["claims"]}
    assert claims["C24"]["verdict"] == "undecided"  # of one ResNet there are data
    lacks = "needs 4 networks and 3 seeds, has 0 and 0"  # of plain networks
    assert lacks in claims["C24"]["condition"]
    assert "digits" in claims["C25"]["reading"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Records of two small networks after one epoch, made by `validate` of a cut-down preset."""
    from validate.training import presets

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, "smoke", tiny_preset())
        out = tmp_path_factory.mktemp("tiny") / "results"
        assert main(["validate", "--out", str(out), "--quiet"]) == 0
        yield out


def tiny_preset() -> Any:
    from validate.training.presets import PRESETS as presets
    from validate.training.presets import Sweep

    schedule = replace(presets["smoke"].schedule, epochs=1)
    return replace(
        presets["smoke"],
        sweeps=(Sweep("residual", (8,), 2), Sweep("dense", (10,), 2)),
        schedule=schedule,
        probe_size=2,
    )


def test_validate_prints_the_tally(capsys: pytest.CaptureFixture[str], tiny: Path) -> None:
    assert main(["validate", "--out", str(tiny), "--resume", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{tiny}: ")
    assert " 0 violated" in out
    assert err == ""


def test_validate_mixes_no_results_unasked(capsys: pytest.CaptureFixture[str], tiny: Path) -> None:
    assert "--resume" in refused(capsys, 3, "validate", "--out", str(tiny))


def test_violations_end_with_4_and_name_the_block(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tiny: Path
) -> None:
    from validate.records.read import read_results

    results = read_results(tiny)
    row = next(row for row in results.runs[0].blocks if row.bounds)
    broken = row.model_copy(
        update={
            "bounds": (row.bounds[0].model_copy(update={"violations": 2}),),
            "identity_failures": 1,
        }
    )
    run = replace(results.runs[0], blocks=(broken,))
    monkeypatch.setattr("gradbound.jobs.run", lambda *_, **__: replace(results, runs=(run,)))
    assert main(["validate", "--out", str(tiny), "--resume", "--quiet"]) == 4
    out, err = capsys.readouterr()
    assert "2 violated" in out
    assert f"bound {row.bounds[0].id} in 2 of 2 samples" in err
    assert "the predicted gain in 1 of 2 samples" in err
    assert f"{row.run}, epoch {row.epoch}, {row.name}" in err


def test_figures_draws_what_is_asked_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny: Path
) -> None:
    assert (
        main(
            [
                "figures",
                "--results",
                str(tiny),
                "--out",
                str(tmp_path),
                "--only",
                "block_plain",
                "--only",
                "table_limits",
            ]
        )
        == 0
    )
    written = capsys.readouterr().out.splitlines()
    assert sorted(written) == sorted(str(path) for path in tmp_path.iterdir())
    assert {Path(name).name for name in written} == {
        *(f"block_plain.{kind}" for kind in ("pdf", "png", "csv", "md", "tex")),
        *(f"table_limits-smoke.{kind}" for kind in ("tex", "md", "csv")),
    }


def test_a_figure_the_records_cannot_show_is_an_error_if_asked_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny: Path
) -> None:
    assert "plain" in refused(
        capsys,
        3,
        "figures",
        "--results",
        str(tiny),
        "--out",
        str(tmp_path),
        "--only",
        "training_by_depth",
    )


@pytest.mark.parametrize("verb", ["figures", "report"])
@pytest.mark.parametrize("name", ["vanishing.jsonl", "manifest.json"])
def test_altered_records_end_with_3_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny: Path, verb: str, name: str
) -> None:
    import shutil

    copy = tmp_path / "results"
    shutil.copytree(tiny, copy)
    with (copy / name).open("a") as file:
        file.write("{}\n")
    out = tmp_path / "out"
    assert name in refused(capsys, 3, verb, "--results", str(copy), "--out", str(out))
    assert not out.exists()


def test_a_report_is_made_of_the_records_and_the_document_that_were_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny: Path
) -> None:
    from derivations.book.derive import derive
    from derivations.book.document import Document
    from validate.records.schema import Results

    given: list[Any] = []
    monkeypatch.setattr("gradbound.api.derive", lambda **_: derive(["plain"]))
    monkeypatch.setattr("gradbound.api.audit", lambda chosen, **_: ("judged", chosen))
    monkeypatch.setattr("paper_figures.write_report", lambda *parts: given.extend(parts) or "made")
    assert main(["report", "--results", str(tiny), "--out", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out == "made\n"
    results, document, out, models, _, study, verdicts = given
    assert verdicts == ("judged", tiny)
    assert not models
    assert study is None
    assert isinstance(results, Results)
    assert results.folder == tiny
    assert isinstance(document, Document)
    assert out == tmp_path / "page.html"


@pytest.fixture
def of_models(tmp_path: Path) -> Path:
    """A folder that holds an analysis and a watch, and no results."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "net.json").write_text(analysis().json())
    (folder / "training.json").write_text(watched().json())
    return folder


def test_records_of_models_alone_are_drawn_and_reported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, of_models: Path
) -> None:
    out, page = tmp_path / "figures", tmp_path / "page.html"
    assert main(["figures", "--results", str(of_models), "--out", str(out)]) == 0
    names = {
        f"{name}.{kind}"
        for name in ("analysis_net", "watch_training")
        for kind in ("pdf", "png", "csv", "md", "tex")
    }
    assert {path.name for path in out.iterdir()} == names
    assert len(capsys.readouterr().out.splitlines()) == len(names)
    one = [
        "figures",
        "--results",
        str(of_models),
        "--out",
        str(out / "one"),
        "--only",
        "watch_training",
    ]
    assert main(one) == 0
    assert len(list((out / "one").iterdir())) == 5
    assert main(["report", "--results", str(of_models), "--out", str(page)]) == 0
    text = page.read_text()
    assert "The gradient dies in dying" in text
    assert 'id="watch_training"' in text


def test_records_of_models_beside_results_are_shown_with_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny: Path
) -> None:
    import shutil

    from derivations.book.derive import derive

    copy, out = tmp_path / "results", tmp_path / "out"
    shutil.copytree(tiny, copy)
    (copy / "net.json").write_text(analysis().json())
    names = ["--only", "analysis_net", "--only", "table_limits"]
    assert main(["figures", "--results", str(copy), "--out", str(out), *names]) == 0
    assert {path.stem for path in out.iterdir()} == {"analysis_net", "table_limits-smoke"}
    monkeypatch.setattr("gradbound.api.derive", lambda **_: derive(["plain"]))
    assert main(["report", "--results", str(copy), "--out", str(out / "page.html")]) == 0
    assert '<section id="models"' in (out / "page.html").read_text()


@pytest.mark.parametrize("verb", ["figures", "report"])
def test_a_record_of_a_model_that_is_none_ends_with_3(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, of_models: Path, verb: str
) -> None:
    (of_models / "odd.json").write_text('{"schema": "gradbound.analyze/1"}')
    out = tmp_path / "out"
    assert "odd.json" in refused(capsys, 3, verb, "--results", str(of_models), "--out", str(out))
    assert not out.exists()


@pytest.mark.parametrize("arguments", [[], ["--only", "table_limits"]])
def test_a_figure_of_results_that_are_not_there_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, of_models: Path, arguments: list[str]
) -> None:
    out = ["--out", str(tmp_path / "out")]
    if arguments:
        said = refused(capsys, 3, "figures", "--results", str(of_models), *out, *arguments)
        assert "manifest.json" in said
    else:
        said = refused(capsys, 2, "figures", "--results", str(of_models), *out, "--only", "watch_x")
        assert "watch_training" in said


@pytest.mark.slow
def test_reproduce_makes_everything_and_a_second_run_trains_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from validate.training import presets, sweep

    monkeypatch.setitem(presets.PRESETS, "smoke", tiny_preset())
    out = tmp_path / "build"
    assert main(["reproduce", "--out", str(out)]) == 0
    told = capsys.readouterr()
    assert "left out training_by_depth" in told.err
    assert str(out / "report.html") in told.out
    first = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert {
        "derivations.json",
        "audit.tex",
        "audit.md",
        "audit.json",
        "report.html",
        "sqrt_law.pdf",
    } <= {path.name for path in first}
    assert "refuted" in told.out
    judged = {
        claim["id"]: claim for claim in json.loads((out / "audit.json").read_text())["claims"]
    }
    assert (
        "fashion-mnist" in judged["C25"]["reading"]
    )  # a smoke run has too few networks to be judged
    assert not (out / "recorded" / "report.html").exists()
    page = (out / "report.html").read_text()
    assert "How the recorded runs were made" in page
    assert "How the fresh runs were made" in page
    assert 'id="verdicts"' in page
    assert (out / "recorded" / "figures" / "training_by_depth-cpu.pdf").exists()
    monkeypatch.setattr(sweep, "perform", None)  # called again, it would fail
    assert main(["reproduce", "--out", str(out), "--quiet"]) == 0
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == first


def test_a_folder_without_records_is_told_what_it_may_hold(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    for verb in ("report", "figures"):
        said = refused(capsys, 3, verb, "--results", str(tmp_path / "none"))
        assert "gradbound validate --out" in said
        assert "gradbound analyze --out" in said
        assert "Watch.save" in said


@pytest.mark.parametrize("is_there", [True, False])
def test_a_report_goes_into_a_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, of_models: Path, is_there: bool
) -> None:
    out = tmp_path / "pages"
    if is_there:
        out.mkdir()
    asked = str(out) if is_there else f"{out}/"
    assert main(["report", "--results", str(of_models), "--out", asked]) == 0
    assert "<!DOCTYPE html>" in (out / "report.html").read_text()[:40]
