"""Shows the analysis of a model: as text, as one self-contained HTML page, as a LaTeX table."""

import math
from dataclasses import fields
from pathlib import Path
from typing import Self

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from paper_figures.mathml import mathml
from validate.analysis.analysis_document import Analysis, BlockAnalysis, block_bound
from validate.analysis.analysis_text import latex, text
from validate.records.storage import write_atomic

MOST = 6
"""The axis reaches from 10^-MOST to 10^MOST at most; what lies beyond is drawn at its end."""


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
        """Writes one self-contained page. Raises OSError where the path cannot be written."""
        write_atomic(Path(path), page(self).encode())

    def latex(self) -> str:
        """A table of the blocks and their formulas, for a document that loads booktabs."""
        return latex(self)


def page(*found: Analysis) -> str:
    """One page for one analysis, or for several side by side."""
    return _environment().get_template("model.html.j2").render(analyses=found, whole=True)


def fragment(found: Analysis) -> str:
    """The same without head and foot, for a notebook."""
    return _environment().get_template("model.html.j2").render(analyses=(found,), whole=False)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("paper_figures"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"math": _math, "place": place, "number": number}
    environment.globals |= {
        "bound": block_bound,
        "reading": reading,
        "decades": decades,
        "ticks": ticks,
    }
    return environment


def decades(found: Analysis) -> int:
    """How many powers of ten the axis reaches to either side of gain 1."""
    ends = [end for block in found.blocks if block.gain for end in (block.gain.min, block.gain.max)]
    sizes = [abs(math.log10(end)) for end in ends if end > 0]
    return min(max(1, math.ceil(max(sizes, default=1.0))), MOST)


def ticks(reach: int) -> list[tuple[str, float]]:
    """The labels of the axis, and where they stand in percent."""
    step = 1 if reach <= 3 else 2  # more labels would touch each other
    powers = sorted({0, *range(step, reach + 1, step), *range(-step, -reach - 1, -step)})
    return [(f"{10.0**power:g}", place(10.0**power, reach)) for power in powers]


def place(gain: float | None, reach: int) -> float:
    """Where a gain stands on the logarithmic axis, in percent."""
    if gain is None or math.isinf(gain):
        return 100.0
    if gain <= 0:
        return 0.0
    return round(min(max(50 + 50 * math.log10(gain) / reach, 0.0), 100.0), 2)


def number(value: float | None) -> str:
    """A number in three digits; a dash where there is none."""
    return "–" if value is None else f"{value:.3g}"


def reading(block: BlockAnalysis) -> str:
    """What a block's gain says, as a word: the class of its bar."""
    if block.gain is None:
        return "none"
    if block.gain.median == 0:
        return "dead"
    if block.gain.median < 0.5:  # as where a cause is named
        return "low"
    return "high" if block.gain.median > 2 else "good"


def _math(formula: str) -> Markup:
    # The converter knows no underscore in text: one that it passes on stands for it.
    return Markup(str(mathml(formula.replace(r"\_", _UNDERSCORE))).replace(_UNDERSCORE, "_"))
