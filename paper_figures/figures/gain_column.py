"""Draws a network as a column of blocks, each with its gain and bounds: the pages of a PDF."""

import math
from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper_figures.drawing.fitted_text import shortened, wrapped
from paper_figures.drawing.gain_axis import COLORS, MEANINGS, place, reading, ticks
from paper_figures.drawing.style import FAINT, INK, MUTED, styled, verbatim
from validate.analysis.analysis_document import Analysis, BlockAnalysis, block_bound
from validate.analysis.headline import bounds_in_words, headline, sentence

WIDTH, HEIGHT = 8.27, 11.69  # inches: A4
MARGIN = 0.65
PITCH = 0.2
SIZE = 8.5
SMALL = 7.5
BAND = "#c5d6e4"
# Where columns begin and end.
NAME, KIND, LEFT, RIGHT, VALUE, BOUNDS = MARGIN, 2.9, 3.85, 6.25, 6.75, 6.85
NAME_WIDTH = KIND - NAME - 0.1


def pages(found: Analysis, reach: int) -> Iterator[Figure]:
    """The pages, one after the other: the first says what there is to say, then come the blocks.

    `reach` is that of the axis, which several analyses may share.
    """
    blocks = list(found.shown)
    head = _Page()
    head.words(found)
    first = max(head.rows_left, 1)
    later = max(_Page().rows_left, 1)
    parts = [blocks[:first]]
    parts += [blocks[at : at + later] for at in range(first, len(blocks), later)]
    for number, part in enumerate(parts, start=1):
        page = head if number == 1 else _Page()
        page.rows(part, reach)
        page.foot(f"{found.target}, page {number} of {len(parts)}")
        yield page.figure


class _Page:
    """A page that is filled from top to bottom; `y` is where there is room, in inches."""

    def __init__(self) -> None:
        self.figure, self.axes = _empty()
        self.y = HEIGHT - MARGIN

    @property
    def rows_left(self) -> int:
        """How many rows there is room for, below the legend and the axis."""
        return math.floor((self.y - 1.1 - MARGIN) / PITCH)

    def line(self, text: str, size: float = SIZE, color: str = INK, *, bold: bool = False) -> None:
        for each in wrapped(text, size * (1.08 if bold else 1), WIDTH - 2 * MARGIN):
            self.y -= 1.35 * size / 72
            weight = "bold" if bold else "normal"
            self.text(MARGIN, self.y, each, fontsize=size, color=color, weight=weight)

    @styled
    def text(self, x: float, y: float, text: str, **looks: object) -> None:
        said = verbatim(text).replace("ᵀ", r"$^{\top}$")  # a sign that the font lacks
        self.axes.text(x, y, said, **({"fontsize": SIZE} | looks))  # type: ignore[arg-type]

    def words(self, found: Analysis) -> None:
        said = headline(found)
        self.line(found.target, 15, bold=True)
        self.y -= 0.08
        self.line(said.answer, 11)
        self.y -= 0.05
        self.line(said.guarantee)
        for remark in found.capture.remarks:
            self.line(f"Note: {remark}.", color=COLORS["low"])
        shapes = " ".join("×".join(map(str, shape)) for shape in found.input_shape)
        self.line(
            f"{found.dtype} on {found.device}, input {shapes}; signal: {found.signal}; "
            f"{len(found.blocks)} blocks",
            SMALL,
            MUTED,
        )
        for block in found.losing[:6]:
            advice = f". {sentence(block.advice)}" if block.advice else ""
            self.line(f"{block.name} ({block.kind}): {block.lost_by}{advice}.", color=COLORS["low"])

    def rows(self, blocks: Sequence[BlockAnalysis], reach: int) -> None:
        self._legend()
        top = self.y - 0.3
        for label, at in ticks(reach):
            x = LEFT + (RIGHT - LEFT) * at / 100
            self.text(x, top + 0.04, label, fontsize=SMALL, color=MUTED, ha="center")
            end = top - PITCH * len(blocks)
            color, width = (MUTED, 0.8) if at == 50 else (FAINT, 0.5)
            self.axes.plot([x, x], [top, end], color=color, linewidth=width, zorder=1)
        for x, word, side in (
            (NAME, "block", "left"),
            (KIND, "kind", "left"),
            (VALUE, "gain", "right"),
            (BOUNDS, "guaranteed", "left"),
        ):
            self.text(x, top + 0.04, word, fontsize=SMALL, color=MUTED, ha=side)
        for number, block in enumerate(blocks):
            self._row(block, top - PITCH * (number + 0.5), reach)
        self.y = top - PITCH * len(blocks)

    def _row(self, block: BlockAnalysis, y: float, reach: int) -> None:
        word = reading(block.judged)
        color = COLORS[word]
        base = y - 0.04
        loud = color if word in ("dead", "low") else MUTED if word == "none" else INK
        self.text(NAME, base, shortened(block.name, SIZE, NAME_WIDTH), color=loud)
        kind = block.kind.replace("_", " ")
        self.text(KIND, base, kind, fontsize=SMALL, color=MUTED)
        if block.gain is None:
            self.text(
                (LEFT + RIGHT) / 2,
                base,
                "no signal",
                fontsize=SMALL,
                color=MUTED,
                ha="center",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
            )
            return
        self.text(VALUE, base, f"{block.gain.median:.3g}", color=loud, ha="right")
        self.text(BOUNDS, base, bounds_in_words(block), fontsize=SMALL, color=MUTED)
        low, high = block_bound(block, "lower"), block_bound(block, "upper")
        if low is not None or high is not None:
            self._bar(place(low or 0, reach), place(high, reach), y, 0.13, BAND, 2)
        at = place(block.gain.median, reach)
        self._bar(min(at, 50), max(at, 50), y, 0.05, color, 3)
        self._bar(place(block.gain.min, reach), place(block.gain.max, reach), y, 0.012, INK, 4)
        self._bar(at - 0.6, at + 0.6, y, 0.14, color, 5)

    def _bar(self, low: float, high: float, y: float, height: float, color: str, z: int) -> None:
        """A bar between two places on the axis, in percent."""
        width = (RIGHT - LEFT) / 100
        self.axes.fill_between(
            [LEFT + width * low, LEFT + width * high], y - height / 2, y + height / 2,
            color=color, linewidth=0, zorder=z,
        )  # fmt: skip

    def _legend(self) -> None:
        self.y -= 0.3
        y = self.y + 0.035
        self.axes.fill_between([NAME, NAME + 0.55], y - 0.065, y + 0.065, color=BAND, linewidth=0)
        self.axes.plot([NAME + 0.2, NAME + 0.45], [y, y], color=INK, linewidth=0.9)
        self.axes.fill_between(
            [NAME + 0.29, NAME + 0.32], y - 0.07, y + 0.07, color=COLORS["good"], linewidth=0,
            zorder=5,
        )  # fmt: skip
        self.text(
            NAME + 0.65,
            self.y,
            "light: what the bounds guarantee; line: least to greatest over the samples; "
            "mark: the median",
            fontsize=SMALL,
        )
        self.y -= 0.17
        x = NAME
        for word, meaning in MEANINGS.items():
            self.axes.fill_between(
                [x, x + 0.1], self.y, self.y + 0.09, color=COLORS[word], linewidth=0
            )
            self.text(x + 0.15, self.y, meaning, fontsize=SMALL)
            x += 1.42

    def foot(self, text: str) -> None:
        self.text(WIDTH / 2, MARGIN / 2, text, fontsize=SMALL, color=MUTED, ha="center")


@styled
def _empty() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, HEIGHT))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, HEIGHT))
    axes.set_axis_off()
    return figure, axes
