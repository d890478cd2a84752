"""Sets the derivation book in LaTeX that plain TeX Live (latex-base) compiles.

Long formulas are broken between pieces (`line_breaks.py`); diagrams are included from the folder
beside the file, where they lie there.
"""

from derivations.book.document import Document
from derivations.book.fill import Filter, fill
from derivations.book.line_breaks import glyphs, pieces
from derivations.book.prose import ascii_only, identifier, prose

BREAK_AT = {"text": 66, "step": 42, "bound": 20, "limit": 16}
"""Glyphs beyond which a formula may be broken: in a line of the page, and in the columns of the
tables."""


def latex_book(document: Document) -> str:
    """The document as a LaTeX file; raises InputError for a character without translation."""
    filters: dict[str, Filter] = {
        "prose": prose,
        "code": identifier,
        "bookmark": ascii_only,
        "display": _display,
        "math": _math,
    }
    return fill("book.j2", document, filters, form="latex.j2")


def _display(latex: str) -> str:
    return rf"\formula{{{_pieces(latex, 'text')}}}"


def _math(latex: str, place: str = "text") -> str:
    style = r"\displaystyle " if place == "text" else ""
    return f"${style}{_pieces(latex, place)}$"


def _pieces(latex: str, place: str) -> str:
    first, *rest = pieces(latex, BREAK_AT[place])
    # TeX never breaks at a penalty of 10000 or more: the dearest break must stay possible.
    return _fitted(first.latex, place) + "".join(
        rf"\penalty{min(piece.price, 3000)} {_fitted(piece.latex, place)}" for piece in rest
    )


def _fitted(piece: str, place: str) -> str:
    """A piece that may be wider than its place, as a large fraction is, shrinks where it is."""
    return rf"\fitted{{{piece}}}" if glyphs(piece) > BREAK_AT[place] else piece
