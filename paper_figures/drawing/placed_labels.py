"""Places words beside points, where they cover no point, no line and no other word.

For a finished panel: its size and its limits must not change afterwards.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

DIRECTIONS = ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))
DISTANCES = (3.5, 6.0, 9.0, 13.0)  # points
ALIGN = {1: "left", -1: "right", 0: "center"}
STAND = {1: "bottom", -1: "top", 0: "center"}
CLEAR = 1.5  # pixels that are kept free around a word
SAMPLES = 40  # points of a line's segment that a word may not cover


@dataclass(frozen=True)
class Label:
    """Words for the point (x, y), in the units of the axes."""

    x: float
    y: float
    words: str
    color: str | tuple[float, float, float]


def place(axes: Axes, labels: Iterable[Label], size: float = 7.0) -> None:
    """Writes each label at the first of the places around its point where it covers least."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    taken = _points(axes)
    inside = axes.get_window_extent()
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
    legend = axes.get_legend()
    boxes += [] if legend is None else [legend.get_window_extent()]
    for label in labels:
        text = axes.annotate(
            label.words,
            (label.x, label.y),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=size,
            color=label.color,
        )
        tried: list[tuple[int, tuple[int, int], float, Bbox]] = []
        for distance in DISTANCES:
            for across, up in DIRECTIONS:
                text.xyann = (across * distance, up * distance)
                text.set(ha=ALIGN[across], va=STAND[up])
                box = text.get_window_extent()
                tried.append((_covered(box, taken, boxes, inside), (across, up), distance, box))
            if min(cost for cost, *_ in tried) == 0:
                break
        _, (across, up), distance, box = min(tried, key=lambda found: found[0])
        text.xyann = (across * distance, up * distance)
        text.set(ha=ALIGN[across], va=STAND[up])
        boxes.append(box)


def _covered(box: Bbox, taken: NDArray[np.float64], boxes: Sequence[Bbox], inside: Bbox) -> int:
    """How much the box covers: points of lines, other words (worse), what is outside (worst)."""
    low, high = np.array(box.min) - CLEAR, np.array(box.max) + CLEAR
    points = int(((taken > low) & (taken < high)).all(axis=1).sum())
    words = sum(box.overlaps(other) for other in boxes)
    out = (np.array(box.min) < inside.min).any() or (np.array(box.max) > inside.max).any()
    return points + 1000 * words + 1000 * bool(out)


def _points(axes: Axes) -> NDArray[np.float64]:
    """Points of every line and bar of the panel, in pixels, close to each other."""
    found = [np.empty((0, 2))]
    pixels = axes.transData.transform
    lines = [line.get_xydata() for line in axes.lines if line.get_transform() == axes.transData]
    bars = [bar for each in axes.collections for bar in getattr(each, "get_segments", list)()]
    for data in [*lines, *bars]:
        at = pixels(np.asarray(data, float))
        if len(at):
            steps = np.linspace(0, 1, SAMPLES)[:, None]
            found.append(at)
            found += [a + (b - a) * steps for a, b in pairwise(at)]
    every = np.concatenate(found)
    return every[np.isfinite(every).all(axis=1)]
