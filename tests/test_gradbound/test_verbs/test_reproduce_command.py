"""`reproduce` ends with one line that says what to open, or with one document that lists all."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gradbound.cli import main


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every room answers at once; the failures that the records are to have."""
    failed: list[str] = []

    def page(records: object, document: object, out: Path, *_: object, **__: object) -> Path:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text("page")
        return out

    document = SimpleNamespace(failures=list)
    tally = {"confirmed": 2, "refuted": 1}
    records: Any = SimpleNamespace(folder=Path("nowhere"))
    for name, fake in {
        "gradbound.api.derive": lambda **_: document,
        "gradbound.api.audit": lambda **_: SimpleNamespace(tally=tally),
        "gradbound.files.write_derivations": lambda *_: None,
        "gradbound.files.write_audit": lambda *_: None,
        "gradbound.jobs.validate": lambda *_, **__: records,
        "validate.records.read.read_results": lambda _: records,
        "validate.statistics.kinds_of_check.tally": lambda _: ["all checked"],
        "validate.statistics.summary.failures": lambda _: failed,
        "paper_figures.draw_each": lambda *_: iter(()),
        "paper_figures.PLATES": (),
        "paper_figures.write_report": page,
    }.items():
        monkeypatch.setattr(name, fake)
    return failed


def test_the_last_line_says_what_to_open(
    capsys: pytest.CaptureFixture[str], quick: list[str], tmp_path: Path
) -> None:
    assert main(["reproduce", "--out", str(tmp_path), "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    page = tmp_path / "report.html"
    assert out.splitlines()[-1].startswith(f"open {page} ")
    assert page.exists()


def test_the_document_lists_every_file(
    capsys: pytest.CaptureFixture[str], quick: list[str], tmp_path: Path
) -> None:
    assert main(["reproduce", "--out", str(tmp_path), "--quiet", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema": "gradbound.reproduce/1",
        "open": str(tmp_path / "report.html"),
        "written": [str(tmp_path / "report.html")],
        "verdicts": {"confirmed": 2, "refuted": 1},
        "failures": [],
    }


def test_a_failure_ends_with_4_when_all_is_written(
    capsys: pytest.CaptureFixture[str], quick: list[str], tmp_path: Path
) -> None:
    quick.append("a bound is violated")
    assert main(["reproduce", "--out", str(tmp_path), "--quiet"]) == 4
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith("open ")
    assert "a bound is violated" in err
