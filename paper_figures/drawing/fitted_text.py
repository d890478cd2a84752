"""Fits text into a width in inches: broken into lines, or shortened in its middle."""

from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from paper_figures.drawing.style import verbatim


def wrapped(text: str, size: float, width: float) -> list[str]:
    """The words of a text in lines of at most `width`, but for a single word that is wider."""
    lines: list[list[str]] = []
    used, space = 0.0, 0.28 * size / 72
    for word in text.split():
        needed = text_width(word, size) + space
        if not lines or used + needed > width + space:
            lines.append([])
            used = 0.0
        lines[-1].append(word)
        used += needed
    return [" ".join(line) for line in lines]


def shortened(text: str, size: float, width: float) -> str:
    """The text, or its beginning and its end with an ellipsis between them."""
    if text_width(text, size) <= width:
        return text
    kept = len(text) - 1
    while kept > 2:
        short = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
        if text_width(short, size) <= width:
            return short
        kept -= 1
    return "…"


@lru_cache(maxsize=4096)
def text_width(text: str, size: float) -> float:
    """Width in inches of a text as the figures set it, which holds no formula."""
    if not text.strip():
        return 0.0
    path = TextPath((0, 0), verbatim(text), size=size, prop=FontProperties(family="STIXGeneral"))
    # Of the corners that its curves are drawn from: a little more than the curves need, and quick.
    across = path.vertices[:, 0]
    return float(across.max() - min(across.min(), 0.0)) / 72
