"""Arranges an analysis as the rows of a page: for each block its bar, its drawing, its words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from paper_figures.drawing.gain_axis import decades, place, reading
from paper_figures.pages.term_drawings import Drawing, Drawings
from validate.analysis.analysis_document import Analysis, BlockAnalysis, block_bound
from validate.analysis.headline import Headline, bounds_in_words, headline
from validate.analysis.noted_lines import Line, noted_lines

Span = tuple[float, float]
"""Where something begins, and how long it is, in percent of the axis."""
WEAKEST = 3
"""So many blocks are named where none is said to lose anything."""
NAMED = 6


@dataclass(frozen=True)
class Bar:
    """`band`: between the bounds; `stem`: from gain 1 to the median `at`; `span`: the samples."""

    band: Span | None
    stem: Span
    span: Span
    at: float


@dataclass(frozen=True)
class Row:
    """A block as the page shows it. `anchor` is its place in the page, `guaranteed` its bounds in
    words.
    """

    block: BlockAnalysis
    anchor: str
    reading: str
    bar: Bar | None
    guaranteed: str
    drawing: Drawing | None


@dataclass(frozen=True)
class View:
    """An analysis as a page shows it: `worst` are the rows to look at first."""

    found: Analysis
    headline: Headline
    rows: tuple[Row, ...]
    worst: tuple[Row, ...]
    noted: tuple[Line, ...]

    @property
    def hidden(self) -> int:
        """How many blocks only move entries."""
        return len(self.found.blocks) - len(self.rows)


def reach_of(found: Iterable[Analysis]) -> int:
    """The reach of one axis for all of them."""
    spreads = [block.gain for each in found for block in each.blocks if block.gain]
    return decades(end for spread in spreads for end in (spread.min, spread.max))


def view(found: Analysis, reach: int, drawings: Drawings) -> View:
    """What the page shows of an analysis."""
    # By content: two pages in one notebook do not lead to each other's rows.
    key = sha256(found.json().encode()).hexdigest()[:8]
    rows = {
        block.index: Row(
            block,
            f"gb-{key}-{block.index}",
            reading(block.judged),
            bar(block, reach),
            bounds_in_words(block),
            drawings.of(block),
        )
        for block in found.blocks
    }
    origin = [found.origin] if found.origin and found.origin.gain is None else []
    worst: Sequence[BlockAnalysis] = [*found.losing, *origin] or [
        block for block in found.worst if block.gain and not block.moves
    ][:WEAKEST]
    shown = tuple(rows[block.index] for block in found.shown)
    return View(
        found,
        headline(found),
        shown,
        tuple(rows[each.index] for each in worst),
        tuple(noted_lines(found)),
    )


def bar(block: BlockAnalysis, reach: int) -> Bar | None:
    """The bar of a block; None where no signal reaches it."""
    if block.gain is None:
        return None
    low, high = block_bound(block, "lower"), block_bound(block, "upper")
    at = place(block.gain.median, reach)
    return Bar(
        None if low is None and high is None else _span(place(low or 0, reach), place(high, reach)),
        _span(min(at, 50.0), max(at, 50.0)),
        _span(place(block.gain.min, reach), place(block.gain.max, reach)),
        at,
    )


def _span(start: float, end: float) -> Span:
    return round(start, 2), round(max(end - start, 0.0), 2)
