"""Runs every block of code on the pages of docs/, and the notebooks, as a reader would."""

import contextlib
import io
import json
from pathlib import Path

import page_code
import pytest
from root import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if page_code.FENCE.search(path.read_text()))
NOTEBOOKS = sorted(DOCS.rglob("*.ipynb"))


def named(path: Path) -> str:
    return path.relative_to(DOCS).as_posix()


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_the_code_on_a_page_runs_and_prints_what_the_page_shows(path: Path, tmp_path: Path):
    outcome = page_code.run(page_code.script(path.read_text()), tmp_path)
    assert outcome.returncode == 0, outcome.stderr


def test_every_kind_of_page_is_there():
    assert len(PAGES) >= 10
    assert len(NOTEBOOKS) == 2


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_a_notebook_prints_what_is_stored_in_it(path: Path, tmp_path: Path):
    cells = [each for each in json.loads(path.read_text())["cells"] if each["cell_type"] == "code"]
    assert all(cell["execution_count"] == count for count, cell in enumerate(cells, start=1))
    sources = ["".join(cell["source"]) for cell in cells]
    marked = "\n".join(f"{source}\nprint('--- end of cell')" for source in sources)
    outcome = page_code.run(marked, tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    printed = outcome.stdout.split("--- end of cell\n")
    for cell, text in zip(cells, printed[:-1], strict=True):
        shown = "".join(
            "".join(each["text"]) for each in cell["outputs"] if each["output_type"] == "stream"
        )
        assert page_code.shapes(text) == page_code.shapes(shown)


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ("gradbound 0.9.9\n", None),
        ("gradbund 0.9.9\n", "prints"),
        ("…\nnot there\n", "does not print"),
        ("gradbound 0.9.9\nand more\n", "prints"),
        ("grad…\n", None),
        ("…\n", None),
    ],
)
def test_a_page_that_shows_what_is_not_printed_is_noticed(shown: str, told: str | None):
    text = f"$ gradbound --version\n{shown}"
    if told is None:
        page_code.console(text)
    else:
        with pytest.raises(AssertionError, match=told):
            page_code.console(text)


@pytest.mark.parametrize(
    "command",
    [
        "torchrun --nproc-per-node 2 -m gradbound validate --no-such-option",
        "gradbound validate --preset gpu --no-such-option",
        "torchrun -m gradbound valdate --preset cpu",
    ],
)
def test_commands_that_are_only_read_must_be_commands(command: str):
    with pytest.raises(Exception, match=r"[Nn]o such (option|command)|valdate"):
        page_code.console(f"$ {command}\n")


def test_other_programs_must_be_known():
    page_code.console("$ make test\n")
    with pytest.raises(AssertionError, match="no-such-target"):
        page_code.console("$ make no-such-target\n")
    with pytest.raises(AssertionError, match="curl"):
        page_code.console("$ curl -O https://example.org\n")


def test_a_failing_command_is_noticed():
    with pytest.raises(AssertionError, match="nobody"), contextlib.redirect_stderr(io.StringIO()):
        page_code.console("$ gradbound analyze nobody.py:nothing\n…\n")
