"""Shows the analysis of a model: as text, as one HTML page, as a PDF, as a LaTeX table."""

import re
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Self

from markupsafe import Markup, escape

from paper_figures.drawing.gain_axis import MEANINGS, ticks
from paper_figures.drawing.style import render_pages
from paper_figures.figures.gain_column import pages
from paper_figures.mathml import mathml
from paper_figures.pages.kind_words import KINDS, kinds_of
from paper_figures.pages.network_rows import reach_of, view
from paper_figures.pages.page_environment import environment
from paper_figures.pages.term_drawings import Drawings
from validate.analysis.analysis_document import Analysis
from validate.analysis.analysis_text import latex, text
from validate.analysis.block_differences import differences
from validate.analysis.headline import outward, sentence
from validate.analysis.side_by_side import Comparison
from validate.records.storage import write_atomic

_UNDERSCORE = "\ue000"


class PrintedAnalysis(Analysis):
    """An analysis that shows itself."""

    @classmethod
    def from_plain(cls, found: Analysis) -> Self:
        return cls(**{each.name: getattr(found, each.name) for each in fields(found)})

    def __str__(self) -> str:
        return text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return fragment(self)

    def html(self, path: str | Path) -> None:
        """Writes one self-contained page. Raises InputError where the path cannot be written."""
        write_atomic(Path(path), page(self).encode())

    def pdf(self, path: str | Path) -> None:
        """Writes the column of blocks as a PDF. Raises InputError where it cannot be written."""
        write_atomic(Path(path), pdf(self))

    def latex(self) -> str:
        """A table of the blocks and their formulas, for a document that loads booktabs."""
        return latex(self)


@dataclass(frozen=True)
class PrintedComparison(Comparison):
    """Several analyses that show themselves side by side."""

    def _repr_html_(self) -> str:
        return fragment(*self.analyses)

    def html(self, path: str | Path) -> None:
        """Writes one self-contained page. Raises InputError where the path cannot be written."""
        write_atomic(Path(path), page(*self.analyses).encode())

    def pdf(self, path: str | Path) -> None:
        """Writes the columns of blocks as a PDF. Raises InputError where it cannot be written."""
        write_atomic(Path(path), pdf(*self.analyses))


def page(*found: Analysis) -> str:
    """One page for one analysis, or for several side by side on one axis."""
    return _rendered(found, whole=True)


def fragment(*found: Analysis) -> str:
    """The same without head and foot, for a notebook, or for another page."""
    return _rendered(found, whole=False)


def pdf(*found: Analysis) -> bytes:
    """The networks as columns of blocks, one after the other on one axis, in vector graphics."""
    reach = reach_of(found)
    return render_pages(sheet for each in found for sheet in pages(each, reach))


def _rendered(found: tuple[Analysis, ...], *, whole: bool) -> str:
    made = environment()
    made.filters |= {"math": _math, "number": number, "breakable": breakable, "sentence": sentence,
                     "outward": outward}  # fmt: skip
    reach, drawings = reach_of(found), Drawings()
    views = [view(each, reach, drawings) for each in found]
    return made.get_template("model.html.j2").render(
        views=views, drawings=drawings.all, reach=reach, ticks=ticks(reach), meanings=MEANINGS,
        kinds=KINDS, kinds_of=kinds_of, whole=whole, differences=differences(found),
    )  # fmt: skip


def breakable(name: str) -> Markup:
    """A path of modules, escaped, that may be broken into lines behind its dots and underscores."""
    return Markup(re.sub(r"([._])(?=.)", r"\1<wbr/>", str(escape(name))))


def number(value: float | None) -> str:
    """A number in three digits; a dash where there is none."""
    return "–" if value is None else f"{value:.3g}"


@lru_cache(maxsize=1024)
def _math(formula: str) -> Markup:
    # The converter knows no underscore in text: one that it passes on stands for it.
    return Markup(str(mathml(formula.replace(r"\_", _UNDERSCORE))).replace(_UNDERSCORE, "_"))
