"""Paints the marks of a scene onto matplotlib axes whose unit is one inch.

One rule per mark; a mark without a rule raises UnknownNodeError.
"""

from collections.abc import Mapping, Sequence
from functools import singledispatch
from math import hypot

from matplotlib.axes import Axes
from matplotlib.patches import BoxStyle, FancyArrowPatch, FancyBboxPatch
from matplotlib.patches import Circle as CirclePatch
from matplotlib.path import Path as Outline

from derivations.errors import UnknownNodeError
from paper_figures.drawing import scene
from paper_figures.drawing.style import INK

FILLS: Mapping[str, str] = {"layer": "#d6e6f4", "linear": "#e9e9e9", "pointwise": "#fdeecb"}


@singledispatch
def paint(mark: object, axes: Axes, origin: scene.Point) -> None:
    """Adds one mark to the axes, its coordinates relative to `origin`."""
    raise UnknownNodeError(
        f"no way to paint {type(mark).__name__}: register one with "
        "paper_figures.drawing.canvas.paint"
    )


@paint.register
def _(mark: scene.Box, axes: Axes, origin: scene.Point) -> None:
    x, y = origin[0] + mark.x, origin[1] + mark.y
    corner = (x - mark.width / 2, y - mark.height / 2)
    style = BoxStyle.Round(pad=0, rounding_size=0.035)
    axes.add_patch(
        FancyBboxPatch(
            corner,
            mark.width,
            mark.height,
            boxstyle=style,
            facecolor=FILLS[mark.role],
            edgecolor=INK,
            linewidth=0.7,
            zorder=3,
        )
    )
    axes.text(x, y - 0.005, mark.text, ha="center", va="center", fontsize=scene.FONT_SIZE, zorder=4)


@paint.register
def _(mark: scene.Arrow, axes: Axes, origin: scene.Point) -> None:
    points = [(origin[0] + x, origin[1] + y) for x, y in mark.points]
    arrow = FancyArrowPatch(
        path=_rounded(points), arrowstyle="-|>,head_length=3.2,head_width=1.5", mutation_scale=1,
        shrinkA=0, shrinkB=0,  # matplotlib would end the arrow short of its last point
        linewidth=0.8, color=INK, joinstyle="miter", capstyle="butt", zorder=2,
    )  # fmt: skip
    axes.add_patch(arrow)


@paint.register
def _(mark: scene.Circle, axes: Axes, origin: scene.Point) -> None:
    x, y = origin[0] + mark.x, origin[1] + mark.y
    axes.add_patch(
        CirclePatch(
            (x, y), scene.JOIN_RADIUS, facecolor="white", edgecolor=INK, linewidth=0.8, zorder=3
        )
    )
    if mark.symbol == "gate":
        axes.add_patch(CirclePatch((x, y), 0.022, color=INK, linewidth=0, zorder=4))
        return
    reach = 0.55 * scene.JOIN_RADIUS
    strokes = {
        "add": (((x - reach, x + reach), (y, y)), ((x, x), (y - reach, y + reach))),
        "concat": tuple(((x + side, x + side), (y - reach, y + reach)) for side in (-0.02, 0.02)),
    }
    for xs, ys in strokes[mark.symbol]:
        axes.plot(xs, ys, color=INK, linewidth=0.8, solid_capstyle="butt", zorder=4)


@paint.register
def _(mark: scene.Dot, axes: Axes, origin: scene.Point) -> None:
    axes.add_patch(
        CirclePatch(
            (origin[0] + mark.x, origin[1] + mark.y), 0.022, color=INK, linewidth=0, zorder=3
        )
    )


@paint.register
def _(mark: scene.Note, axes: Axes, origin: scene.Point) -> None:
    x, y = origin[0] + mark.x, origin[1] + mark.y
    axes.text(
        x,
        y,
        mark.text,
        ha="center" if mark.centered else "left",
        va="center",
        fontsize=scene.FONT_SIZE,
        zorder=4,
    )


def _rounded(points: Sequence[scene.Point], radius: float = 0.05) -> Outline:
    """A polyline with rounded corners."""
    vertices, codes = [points[0]], [Outline.MOVETO]
    for (x0, y0), (x1, y1), (x2, y2) in zip(points, points[1:], points[2:], strict=False):
        before, after = hypot(x1 - x0, y1 - y0), hypot(x2 - x1, y2 - y1)
        if before > 0 and after > 0:
            into, out = min(radius / before, 0.5), min(radius / after, 0.5)
            vertices += [
                (x1 + into * (x0 - x1), y1 + into * (y0 - y1)),
                (x1, y1),
                (x1 + out * (x2 - x1), y1 + out * (y2 - y1)),
            ]
            codes += [Outline.LINETO, Outline.CURVE3, Outline.CURVE3]
    return Outline([*vertices, points[-1]], [*codes, Outline.LINETO])
