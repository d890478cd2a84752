"""Writes the marks of a scene as the elements of an SVG, small enough to put many into a page.

One rule per mark; a mark without a rule raises UnknownNodeError. Colours are left to the classes
`gb-wire`, `gb-dot`, `gb-join`, `gb-words` and the roles of boxes, and letters to the reader's font.
"""

import re
from collections.abc import Sequence
from functools import singledispatch
from math import hypot

from markupsafe import escape

from derivations.errors import UnknownNodeError
from paper_figures.drawing import scene

UNIT = 120.0
"""Pixels to an inch of the scene."""
LETTERS = 0.0965
"""Height of letters in inches: at this size a sans-serif is as wide as what boxes are made for."""
HEAD = (0.07, 0.03)
"""Length and half the width of an arrow's head."""


@singledispatch
def element(mark: object, origin: scene.Point) -> str:
    """A mark as SVG, `origin` being the place of the scene's origin, in pixels."""
    raise UnknownNodeError(
        f"no SVG of {type(mark).__name__}: register one with paper_figures.drawing.svg_canvas"
    )


@element.register
def _(mark: scene.Box, origin: scene.Point) -> str:
    x, y = _at((mark.x - mark.width / 2, mark.y + mark.height / 2), origin)
    size = f'width="{_px(mark.width)}" height="{_px(mark.height)}"'
    words = _text((mark.x, mark.y), mark.text, origin)
    return f'<rect class="gb-{mark.role}" x="{x}" y="{y}" {size} rx="4"/>{words}'


@element.register
def _(mark: scene.Arrow, origin: scene.Point) -> str:
    points = [each for each, nxt in zip(mark.points, mark.points[1:], strict=False) if each != nxt]
    points.append(mark.points[-1])
    (x0, y0), (x1, y1) = points[-2:]
    length = hypot(x1 - x0, y1 - y0)
    dx, dy = (x1 - x0) / length, (y1 - y0) / length
    foot = (x1 - HEAD[0] * dx, y1 - HEAD[0] * dy)
    sides = [(foot[0] + s * HEAD[1] * dy, foot[1] - s * HEAD[1] * dx) for s in (-1, 1)]
    head = " ".join(_pair(each, origin) for each in ((x1, y1), *sides))
    return (
        f'<path class="gb-wire" d="{_rounded([*points[:-1], foot], origin)}"/>'
        f'<path class="gb-dot" d="M{head}Z"/>'
    )


@element.register
def _(mark: scene.Circle, origin: scene.Point) -> str:
    x, y = _at((mark.x, mark.y), origin)
    circle = f'<circle class="gb-join" cx="{x}" cy="{y}" r="{_px(scene.JOIN_RADIUS)}"/>'
    if mark.symbol == "gate":
        return f'{circle}<circle class="gb-dot" cx="{x}" cy="{y}" r="{_px(0.024)}"/>'
    reach = 0.55 * scene.JOIN_RADIUS
    strokes = {
        "add": (((-reach, 0), (reach, 0)), ((0, -reach), (0, reach))),
        "concat": tuple(((side, -reach), (side, reach)) for side in (-0.02, 0.02)),
    }[mark.symbol]
    lines = "".join(
        f"M{_pair((mark.x + a, mark.y + b), origin)}L{_pair((mark.x + c, mark.y + d), origin)}"
        for (a, b), (c, d) in strokes
    )
    return f'{circle}<path class="gb-wire" d="{lines}"/>'


@element.register
def _(mark: scene.Dot, origin: scene.Point) -> str:
    x, y = _at((mark.x, mark.y), origin)
    return f'<circle class="gb-dot" cx="{x}" cy="{y}" r="{_px(0.022)}"/>'


@element.register
def _(mark: scene.Note, origin: scene.Point) -> str:
    return _text((mark.x, mark.y), mark.text, origin, "middle" if mark.centered else "start")


def _text(place: scene.Point, text: str, origin: scene.Point, anchor: str = "middle") -> str:
    x, y = _at((place[0], place[1] - 0.36 * LETTERS), origin)
    formula = re.fullmatch(r"\$(.*)\$", text)
    words = formula[1] if formula else text.replace(r"\$", "$")
    style = ' style="font-style:italic"' if formula else ""
    start = ' text-anchor="start"' if anchor == "start" else ""
    return f'<text class="gb-words" x="{x}" y="{y}"{start}{style}>{escape(words)}</text>'


def _rounded(points: Sequence[scene.Point], origin: scene.Point, radius: float = 0.05) -> str:
    """A polyline with rounded corners."""
    path = f"M{_pair(points[0], origin)}"
    for (x0, y0), (x1, y1), (x2, y2) in zip(points, points[1:], points[2:], strict=False):
        into, out = (
            min(radius / max(hypot(x1 - x, y1 - y), 1e-9), 0.5) for x, y in ((x0, y0), (x2, y2))
        )
        path += (
            f"L{_pair((x1 + into * (x0 - x1), y1 + into * (y0 - y1)), origin)}"
            f"Q{_pair((x1, y1), origin)} "
            f"{_pair((x1 + out * (x2 - x1), y1 + out * (y2 - y1)), origin)}"
        )
    return f"{path}L{_pair(points[-1], origin)}"


def _pair(point: scene.Point, origin: scene.Point) -> str:
    return " ".join(_at(point, origin))


def _at(point: scene.Point, origin: scene.Point) -> tuple[str, str]:
    return f"{origin[0] + UNIT * point[0]:.4g}", f"{origin[1] - UNIT * point[1]:.4g}"


def _px(length: float) -> str:
    return f"{UNIT * length:.4g}"
