"""Reads the numbers back from a drawn figure, as CSV: what is in the file is what was drawn.

One row per point, with its panel (the panel's title) and its series (its label, or the name that it
was drawn under). A number that is not finite is left out.
"""

import csv
import io
from collections.abc import Iterator

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection, LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

HEADER = ("panel", "series", "kind", "x", "y")
DIGITS = 10
Row = tuple[str, str, str, float, float]


def numbers(figure: Figure) -> str:
    """The CSV text. Kinds: points of a line, ends of a bar, the outline of a band or a box, and
    where a text stands (its words are the series).
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    for axes, panel in zip(figure.axes, _panels(figure), strict=True):
        for *words, x, y in _rows(axes, panel):
            if np.isfinite((x, y)).all():
                writer.writerow((*words, f"{x:.{DIGITS}g}", f"{y:.{DIGITS}g}"))
    return buffer.getvalue()


def _panels(figure: Figure) -> list[str]:
    """What each panel is called; one without a title by its place."""
    titles = (axes.get_title(loc="left") or axes.get_title() for axes in figure.axes)
    return [title or f"panel {place}" for place, title in enumerate(titles, start=1)]


def _rows(axes: Axes, panel: str) -> Iterator[Row]:
    for artist in axes.get_children():
        if not artist.get_visible() or artist in (axes.patch, axes.title):
            continue
        for kind, points in _points(artist):
            for x, y in points:
                yield panel, _series(artist), kind, float(x), float(y)
    for text in axes.texts:
        if text.get_text():
            x, y = text.get_position()
            yield panel, text.get_text(), "text", float(x), float(y)


def _points(artist: Artist) -> Iterator[tuple[str, np.ndarray]]:
    """The artist's points in the units of its axes, by kind."""
    if isinstance(artist, Line2D):
        yield "line", np.column_stack([np.asarray(part, float) for part in artist.get_data()])
    elif isinstance(artist, PathCollection):
        yield "mark", np.asarray(artist.get_offsets(), float).reshape(-1, 2)
    elif isinstance(artist, LineCollection):
        for segment in artist.get_segments():
            yield "bar", np.asarray(segment, float)
    elif isinstance(artist, Collection):
        for path in artist.get_paths():
            yield "band", np.asarray(path.vertices, float)
    elif isinstance(artist, Patch) and artist.get_gid():
        box = artist.get_path().vertices
        yield "box", artist.get_patch_transform().transform(np.asarray(box, float))


def _series(artist: Artist) -> str:
    label = str(artist.get_label())
    return str(artist.get_gid() or ("" if label.startswith("_") else label))
