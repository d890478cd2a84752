"""Writes documents and the derivation book as files, each whole or not at all.

Importing this loads neither torch nor matplotlib; writing the book loads matplotlib, for its
diagrams.
"""

from pathlib import Path

from derivations.book.arrange import diagram
from derivations.book.document import Document
from derivations.book.text import render
from validate.audit.audit_document import Audit
from validate.audit.audit_document import render as render_audit
from validate.records.storage import make_folder, write_atomic

SUFFIXES = {"latex": "tex", "markdown": "md", "json": "json"}
DIAGRAMS = ("pdf", "svg")


def write_derivations(document: Document, out: Path) -> None:
    """Writes derivations.tex, .md and .json into the folder, and a diagram of each block below it.

    Raises InputError where it cannot write.
    """
    make_folder(out)
    for form, suffix in SUFFIXES.items():
        write_atomic(out / f"derivations.{suffix}", render(document, form).encode())
    for name in dict.fromkeys(record.block for record in document.blocks):
        _draw(name, out)


def _draw(name: str, out: Path) -> None:
    """Draws a block where the book looks for it: a PDF for LaTeX, an SVG for Markdown."""
    from paper_figures import block_diagram, render_figure

    figure = block_diagram(name)
    for kind in DIAGRAMS:
        path = out / diagram(name, kind)
        make_folder(path.parent)
        # Whoever reads the Markdown may lack the font: the SVG's text is drawn as outlines.
        write_atomic(path, render_figure(figure, kind, outlined=True))


def write_audit(audit: Audit, out: Path) -> None:
    """Writes audit.tex, .md and .json into the folder; raises InputError where it cannot."""
    make_folder(out)
    for form, suffix in SUFFIXES.items():
        write_atomic(out / f"audit.{suffix}", render_audit(audit, form).encode())
