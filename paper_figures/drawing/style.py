"""Fixes the look of every figure, and writes figures to disk.

Nothing here depends on data: the same figure gives the same bytes, whenever and wherever it is
saved.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.axis import Axis
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatterMathtext, LogLocator, NullFormatter

from derivations.errors import InputError
from paper_figures.drawing.figure_numbers import numbers
from validate.records.storage import make_folder, write_atomic

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

COLUMN = 3.35  # inches: one column of the paper
DOUBLE = 6.9  # inches: both columns
DPI = 300

INK = "#1a1a1a"
MUTED = "#6b6b6b"
FAINT = "#d9d9d9"

PDF_METADATA: Mapping[str, str | None] = {
    "CreationDate": None,
    "Producer": None,
    "Creator": "gradbound",
}

RC: dict[Any, Any] = {  # matplotlib types each of its settings by name
    "font.family": "STIXGeneral",  # shipped with matplotlib, so the same on every machine
    "mathtext.fontset": "stix",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.formatter.use_mathtext": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "legend.borderaxespad": 0.2,
    "figure.facecolor": "white",
    "pdf.fonttype": 42,  # TrueType: journals refuse the default, Type 3
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "gradbound",  # else the ids in an SVG are drawn anew each time
    "path.simplify": False,
}


@dataclass(frozen=True)
class Look:
    """How one family is drawn everywhere.

    Colour, marker and dash pattern differ, so greyscale print still tells families apart.
    """

    title: str
    color: str
    marker: str
    linestyle: Any

    def line(self) -> dict[str, Any]:
        """Keyword arguments for `Axes.plot`."""
        return {
            "color": self.color,
            "marker": self.marker,
            "linestyle": self.linestyle,
            "markeredgecolor": "white",
            "markeredgewidth": 0.4,
        }


LOOKS: Mapping[str, Look] = {
    "plain": Look("plain", "#D55E00", "s", (0, (4, 1.5))),
    "residual": Look("residual", "#0072B2", "o", "solid"),
    "se_residual": Look("SE residual", "#009E73", "^", (0, (5, 1.5, 1, 1.5))),
    "dense": Look("dense", "#CC79A7", "D", (0, (1.5, 1.2))),
}


def look(family: str) -> Look:
    """The look of a family.

    Raises InputError for one that has none, so that two families never share a line.
    """
    if family not in LOOKS:
        raise InputError(
            f"family {family!r} has no colour: choose from {', '.join(LOOKS)}, or add it to "
            "paper_figures.drawing.style.LOOKS"
        )
    return LOOKS[family]


def shade(color: str, fraction: float) -> tuple[float, float, float]:
    """`color` for fraction 1, toward white below, toward black above.

    0 is 35 % of the colour, 2 is half black.
    """
    red, green, blue = to_rgb(color)
    if fraction > 1:
        keep = 1 - 0.5 * (fraction - 1)
        return red * keep, green * keep, blue * keep
    keep = 0.35 + 0.65 * fraction
    return 1 - keep * (1 - red), 1 - keep * (1 - green), 1 - keep * (1 - blue)


def verbatim(text: str) -> str:
    """Text that matplotlib prints as it is: a dollar does not begin a formula."""
    return text.replace("$", r"\$")


def styled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Runs a drawing function in the house style, and leaves matplotlib's settings as they were."""

    @wraps(function)
    def wrapper(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with matplotlib.rc_context(RC):
            return function(*args, **kwargs)

    return wrapper


def plain_log_ticks(axis: Axis) -> None:
    """Ticks of a logarithmic axis, written as plain numbers where these are short.

    They are at powers of ten, and at 2 and 5 times these where there is room for few powers.
    """
    low, high = sorted(axis.get_view_interval())
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 300 else (1,), numticks=8))
    small = low < 1e-3 or high > 1e4
    axis.set_major_formatter(
        LogFormatterMathtext() if small else FuncFormatter(lambda value, _: f"{value:g}")
    )
    axis.set_minor_formatter(NullFormatter())


@styled
def render(figure: Figure, kind: str, *, outlined: bool = False) -> bytes:
    """The figure as the bytes of a "pdf", "png" or "svg" file, free of dates and versions.

    `outlined` draws the text of an SVG as curves, for readers who lack the font. Raises InputError
    for another kind.
    """
    metadata: dict[str, dict[str, str | None]] = {
        "pdf": dict(PDF_METADATA),
        "png": {"Software": "gradbound"},
        "svg": {"Date": None, "Creator": "gradbound"},
    }
    if kind not in metadata:
        raise InputError(f"cannot save a figure as {kind!r}: choose from {', '.join(metadata)}")
    # `styled` puts the setting back; it is read when the file is written, not when text is drawn.
    matplotlib.rcParams["svg.fonttype"] = "path" if outlined else "none"
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=DPI, metadata=metadata[kind])
    return buffer.getvalue()


@styled
def render_pages(figures: Iterable[Figure]) -> bytes:
    """The figures as the pages of one PDF, free of dates and versions."""
    buffer = io.BytesIO()
    with PdfPages(buffer, metadata=dict(PDF_METADATA)) as pages:
        for figure in figures:
            pages.savefig(figure)
    return buffer.getvalue()


def save(figure: Figure, out: Path, name: str) -> tuple[Path, ...]:
    """Writes `out/name.pdf` (vector), `out/name.png` (300 dpi) and `out/name.csv` (the numbers
    drawn), and returns their paths.
    """
    make_folder(out)
    paths = tuple(out / f"{name}.{kind}" for kind in ("pdf", "png", "csv"))
    for path in paths[:2]:
        write_atomic(path, render(figure, path.suffix[1:]))
    write_atomic(paths[2], numbers(figure).encode())
    return paths
