"""Finds the artists of a figure by what they are called."""

from matplotlib.axes import Axes
from matplotlib.lines import Line2D


def labelled(axes: Axes) -> dict[str, Line2D]:
    """The lines of a panel by their labels."""
    return {str(line.get_label()): line for line in axes.lines}


def by_gid(axes: Axes, gid: str) -> Line2D:
    """The one line of a panel with this id."""
    (line,) = [line for line in axes.lines if line.get_gid() == gid]
    return line
