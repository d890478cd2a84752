"""Writes the pages that follow from the package: the gallery of figures, the table of verdicts.

They are made anew whenever the site is built, and never committed.
"""

from html import escape
from pathlib import Path

import gradbound as gb
from paper_figures.figures.figure_registry import FIGURES
from paper_figures.gallery import draw
from validate.records.read import read_results
from validate.records.recorded import RECORDED
from validate.records.storage import write_atomic

_GALLERY = """# Gallery

Every figure, drawn from the records that come with gradbound; `gradbound figures --only NAME` draws
one from yours.
"""
_AUDIT = """# What became of the paper's 25 claims

Each claim of the paper was judged by running code: `gradbound audit` prints the evidence, and for
what fails the smallest counterexample. **Confirmed**: it holds as said. **Conditional**: in some
readings, or under a condition that the paper does not state. **Refuted**: there is a
counterexample. **Undecided**: there are data, and they do not decide.

| | where | claim | verdict | when, or what it lacks |
|---|---|---|---|---|
"""


def write(docs: Path) -> None:
    """Writes gallery.md, its figures and explanation/audit.md below `docs`."""
    write_atomic(docs / "gallery.md", _gallery(docs).encode())
    write_atomic(docs / "explanation" / "audit.md", _audit().encode())


def _gallery(docs: Path) -> str:
    results = read_results(RECORDED)
    names = {path.stem for path in draw(results, docs / "_made", FIGURES).files}
    sections = [
        f"## {plate.label}: `{name}`\n\n![{plate.alt}](_made/{stem}.png)\n\n"
        f"{_cell(plate.full_caption(results))}\n"
        for name, plate in FIGURES.items()
        if (stem := plate.file_stem(name, results)) in names
    ]
    return "\n".join((_GALLERY, *sections))


def _audit() -> str:
    rows = (
        f"| {each.id} | {_cell(each.source)} | {_cell(each.claim)} | **{each.verdict}** "
        f"| {_cell(each.condition)} |\n"
        for each in gb.audit().claims
    )
    return _AUDIT + "".join(rows)


def _cell(text: str) -> str:
    return escape(text, quote=False).replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")
