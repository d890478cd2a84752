"""Finds the artists of a figure by what they are called."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text


def labelled(axes: Axes) -> dict[str, Line2D]:
    """The lines of a panel by their labels."""
    return {str(line.get_label()): line for line in axes.lines}


def by_gid(axes: Axes, gid: str) -> Line2D:
    """The one line of a panel with this id."""
    (line,) = [line for line in axes.lines if line.get_gid() == gid]
    return line


def texts(figure: Figure) -> list[Text]:
    """The texts of a figure that are not empty, in the order of drawing."""
    return [each for axes in figure.axes for each in axes.texts if each.get_text()]
