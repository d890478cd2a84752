"""The LaTeX book compiles with a real TeX engine, without errors, undefined references or lines
that leave the page."""

import re
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from derivations.book.document import derive
from derivations.book.text import render

WIDEST = 20.0  # points a line may stick out
PACKAGES = "texlive-latex-base"

needs_tex = pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason=f"pdflatex is not installed: apt-get install --no-install-recommends {PACKAGES}",
)


def compiled(text: str, folder: Path) -> list[str]:
    """What is wrong with the book after the runs that settle its references and tables; an empty
    list if nothing is.
    """
    (folder / "book.tex").write_text(text)
    for _ in range(3):
        outcome = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-no-shell-escape", "book.tex"],
            cwd=folder, capture_output=True, check=False, timeout=240, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    log = (folder / "book.log").read_text(errors="replace")
    problems = (
        re.findall(r"^! .*", log, re.MULTILINE)
        + re.findall(r".*[Uu]ndefined.*", log)
        + re.findall(r"Missing character.*", log)
    )
    problems += [
        f"a line is {width} pt too wide"
        for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)
        if float(width) > WIDEST
    ]
    return problems + ([f"pdflatex ended with {outcome.returncode}"] if outcome.returncode else [])


@pytest.mark.slow
@needs_tex
def test_the_whole_book_compiles_with_its_diagrams(tmp_path):
    from gradbound.files import write_derivations

    document = derive()
    write_derivations(document, tmp_path)
    assert compiled((tmp_path / "derivations.tex").read_text(), tmp_path) == []
    log = (tmp_path / "book.log").read_text(errors="replace")
    for block in document.blocks:
        assert f"<./diagrams/{block.block}.pdf" in log or f"<diagrams/{block.block}.pdf" in log
    assert (tmp_path / "book.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
@needs_tex
def test_a_book_without_diagrams_compiles_and_a_broken_one_does_not(tmp_path):
    text = render(asdict(derive(["residual"])), "latex")
    assert compiled(text, tmp_path) == []
    for wrong in (r"\undefinedcommand", r"\ref{nowhere}", r"\par\noindent\hbox to 30cm{x\hfill x}"):
        assert compiled(
            text.replace(r"\tableofcontents", rf"\tableofcontents {wrong}"), tmp_path
        ), wrong
