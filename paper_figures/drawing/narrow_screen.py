"""Rearranges a figure of several panels for a narrow screen: one column wide, panels stacked.

What is drawn in a panel stays as it is; legends are put together below.
"""

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.layout_engine import ConstrainedLayoutEngine

from paper_figures.drawing.style import COLUMN, styled

LEGEND_ROW = 0.16  # inches
COLUMNS = 2  # of the legend
GAP = 0.09  # inches around a panel
LEAST = 1.5  # inches: height of a panel with its labels


@styled
def narrowed(figure: Figure) -> bool:
    """Turns rows of panels into columns, in place; says whether there was anything to turn.

    A figure of a single panel, or without a grid, stays as it is.
    """
    panels = _grid(figure)
    if panels is None:
        return False
    rows, columns = len(panels), len(panels[0])
    words = [row[0].get_ylabel() for row in panels]
    below = [each.get_xlabel() for each in panels[-1]]
    grid = GridSpec(columns, rows, figure=figure)
    for r, row in enumerate(panels):
        for c, axes in enumerate(row):
            axes.set_subplotspec(grid[c, r])
            axes.tick_params(labelbottom=True, labelleft=True)
            if axes.get_shared_y_axes().joined(axes, row[0]):
                axes.set_ylabel(axes.get_ylabel() or words[r])
            if rows > 1:
                axes.set_xlabel(below[c] if c == columns - 1 else "")
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(h_pad=GAP)  # so that no label of a panel seems to be the title of the next
    height = max(figure.get_figheight() / rows - 0.25, LEAST) * columns
    figure.set_size_inches(COLUMN, height + _legends_below(figure))
    return True


def _grid(figure: Figure) -> list[list[Axes]] | None:
    """The panels by row, where they fill one grid of several."""
    specs = [axes.get_subplotspec() for axes in figure.axes]
    if len(specs) < 2 or None in specs:
        return None
    shapes = {spec.get_gridspec().get_geometry() for spec in specs if spec is not None}
    if len(shapes) != 1 or len(figure.axes) != np.prod(shape := shapes.pop()):
        return None
    return [figure.axes[r * shape[1] : (r + 1) * shape[1]] for r in range(shape[0])]


def _legends_below(figure: Figure) -> float:
    """Puts the figure's legends together in one; how many inches it takes."""
    handles: list[Artist] = []
    labels: list[str] = []
    for legend in list(figure.legends):
        handles += [handle for handle in legend.legend_handles if handle is not None]
        labels += [text.get_text() for text in legend.get_texts()]
        legend.remove()
    if not handles:
        return 0.0
    figure.legend(handles, labels, loc="outside lower center", ncols=COLUMNS)
    return LEGEND_ROW * -(-len(labels) // COLUMNS)
