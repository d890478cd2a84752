"""The book in LaTeX: whole, in ASCII, and compiled by a real TeX engine without a complaint."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from derivations.book.arrange import AUTHOR, TITLE, chapters, sections
from derivations.book.derive import derive
from derivations.book.prose import prose
from derivations.book.text import render
from derivations.errors import InputError

WIDEST = 20.0  # points a line may stick out
PACKAGES = "texlive-latex-base"

needs_tex = pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason=f"pdflatex is not installed: apt-get install --no-install-recommends {PACKAGES}",
)


def compiled(text: str, folder: Path) -> list[str]:
    """What is wrong with the book, after the runs that settle its references and tables.

    An empty list if nothing is.
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


def test_latex_is_ascii_and_a_character_without_translation_is_refused(document, printed):
    assert {char for char in printed["latex"] if not char.isascii()} == set()
    theorem = replace(document.theorems[0], statement="‖J‖ ≤ ☃")
    with pytest.raises(InputError, match="☃"):
        render(replace(document, theorems=(theorem,)), "latex")


def test_latex_closes_what_it_opens(printed):
    text = printed["latex"]
    for name in ("longtable", "itemize", "description", "document"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}")
    assert set(re.findall(r"\\(?:page)?ref\{([^}]*)\}", text)) <= set(
        re.findall(r"\\label\{([^}]*)\}", text)
    )


def test_every_verdict_is_the_records(document, printed):
    for equation in document.equations:
        for claim in equation.claims:
            word = "holds" if claim.holds else "not proved"
            assert rf"{prose(claim.statement)}: \textbf{{{word}}}" in printed["latex"]


def test_headings_have_a_plain_text_for_the_bookmarks(document):
    theorem = replace(document.theorems[0], title="The norm of ∂s/∂x", id="a.b")
    text = render(replace(document, theorems=(theorem,)), "latex")
    assert rf"\subsection{{\texorpdfstring{{{prose(theorem.title)}}}{{The norm of s/x}}}}" in text
    assert r"\label{theorem:a.b}" in text


def test_a_long_formula_may_be_broken_and_a_short_one_not(document):
    def definition(latex: str) -> str:
        block = replace(document.blocks[0], definition_latex=latex)
        text = render(replace(document, blocks=(block,)), "latex")
        return text.partition(r"\topic{Definition}")[2].partition(r"\diagram")[0]

    assert definition("a + b").strip() == r"\formula{a + b}"
    long = definition(" + ".join(f"a_{{{index}}}" for index in range(60)))
    prices = [int(price) for price in re.findall(r"\\penalty(\d+) ", long)]
    assert prices
    assert max(prices) < 10000  # where TeX never breaks


@pytest.mark.slow
@needs_tex
def test_the_whole_book_compiles_with_its_diagrams(document, tmp_path):
    from gradbound.files import write_derivations

    write_derivations(document, tmp_path)
    assert compiled((tmp_path / "derivations.tex").read_text(), tmp_path) == []
    log = (tmp_path / "book.log").read_text(errors="replace")
    for block in document.blocks:
        assert f"<./diagrams/{block.block}.pdf" in log or f"<diagrams/{block.block}.pdf" in log
    assert (tmp_path / "book.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
@needs_tex
def test_a_book_without_diagrams_compiles_and_a_broken_one_does_not(tmp_path):
    text = render(derive(["residual"]), "latex")
    assert compiled(text, tmp_path) == []
    for wrong in (r"\undefinedcommand", r"\ref{nowhere}", r"\par\noindent\hbox to 30cm{x\hfill x}"):
        assert compiled(
            text.replace(r"\tableofcontents", rf"\tableofcontents {wrong}"), tmp_path
        ), wrong


def test_the_file_says_its_title_and_author(printed):
    assert f"pdftitle={{{TITLE}}},pdfauthor={{{AUTHOR}}}" in printed["latex"]
    assert rf"\title{{{TITLE}}}\author{{{AUTHOR}}}" in printed["latex"]


def test_a_tilde_is_a_relation(printed):
    assert r"$\sim$" in printed["latex"]
    assert "textasciitilde" not in printed["latex"]
    assert prose("a ~ N") == r"a $\sim$ $N$"
    assert prose("~/a") == r"\textasciitilde{}/a"


@needs_tex
def test_numbers_in_the_contents_leave_room_for_titles(document, printed, tmp_path):
    """The widest numbers of sections and of theorems are narrower than the room they get."""
    preamble, _, book = printed["latex"].partition(r"\begin{document}")
    rooms = re.findall(r"\@dottedtocline\{\d\}\{[^}]*\}\{([\d.]+em)\}", preamble)
    widest = (r"\bfseries 88", "88.88")
    assert len(re.findall(r"^\\section\{", book, re.MULTILINE)) < 100
    assert max(len(held) for _, held in chapters(document)) < 100

    def page(room: str, number: str) -> str:
        told = rf"\setbox0\hbox{{{number}\enspace}}\ifdim\wd0>{room}\errmessage{{no room}}\fi"
        return rf"{preamble}\begin{{document}}\small {told} x\end{{document}}"

    for room, number in zip(rooms, widest, strict=True):
        assert compiled(page(room, number), tmp_path) == [], number
        assert compiled(page("1em", number), tmp_path)


def test_each_block_tells_its_symbols_before_its_derivation(printed, document):
    for section in sections(document):
        start = printed["latex"].index(rf"\label{{block:{section.name}}}")
        told = printed["latex"].index(r"\topic{Symbols}", start)
        assert told < printed["latex"].index(r"\topic{Derivation, scalar reading}", start)
