"""Draws what is left of the gradient when a block's branch vanishes.

The √l law of dense steps, and the limits of the four families. Reads vanishing rows; the line is
the prediction, the marks are autograd.
"""

from collections import defaultdict

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper_figures.drawing.style import DOUBLE, INK, LOOKS, MUTED, look, shade, styled
from paper_figures.figures.select import MissingRecordsError
from validate.records.schema import Results, VanishingRow

HEIGHT = 2.7
SHOWN_INPUTS = 4  # of the dense step in panel (b)
SHOWN_SCALES = {1.0, 0.3, 0.1, 0.0}  # in panel (a): smaller ones lie on the line


@styled
def figure(results: Results) -> Figure:
    """(a) ‖∂L/∂x‖ / r of a dense step by its number l of inputs, beside √l. (b) The same by ε.

    One line per ε in (a), per family in (b). Marks are medians over the seeds, bars and bands reach
    from the least to the greatest.
    """
    rows = [row for row in results.vanishing if row.family == "dense"]
    if not rows:
        raise MissingRecordsError(
            f"no dense rows in the vanishing-branch records of {results.folder}: run `gradbound "
            "validate` again"
        )
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    by_inputs, by_epsilon = drawing.subplots(1, 2)
    _inputs_panel(by_inputs, rows)
    _epsilon_panel(by_epsilon, results)
    drawing.legend(
        handles=by_epsilon.get_legend_handles_labels()[0],
        loc="outside lower right",
        ncols=4,
        handlelength=3,
    )
    return drawing


def _inputs_panel(axes: Axes, rows: list[VanishingRow]) -> None:
    counts = np.array(sorted({row.inputs for row in rows}), dtype=float)
    fine = np.linspace(counts[0], counts[-1], 200)
    axes.plot(
        fine, np.sqrt(fine), color=INK, linewidth=1.0, label=r"predicted limit $\sqrt{l}$", zorder=5
    )
    levels = sorted({row.epsilon for row in rows} & SHOWN_SCALES, reverse=True)
    for index, (epsilon, marker) in enumerate(zip(levels, "v^so", strict=False)):
        same = [row for row in rows if row.epsilon == epsilon]
        inputs, low, median, high = _spread(same, "inputs")
        # Smaller marks, drawn later, lie within the larger ones where they agree.
        axes.errorbar(
            inputs, median, (median - low, high - median), marker=marker,
            color=shade(look("dense").color, 0.4 + 0.4 * index), markersize=5.5 - 1.1 * index,
            markerfacecolor="white" if index < len(levels) - 1 else None, linestyle="none",
            elinewidth=0.7, label=rf"measured, $\varepsilon = {epsilon:g}$", zorder=3 + index,
        )  # fmt: skip
    axes.set_xlabel("number of inputs $l$")
    axes.set_ylabel(r"$\Vert\partial L/\partial x\Vert \,/\, r$")
    axes.set_title("(a) dense step")
    axes.set_xticks(counts)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    axes.legend(loc="lower right")


def _epsilon_panel(axes: Axes, results: Results) -> None:
    for family in (name for name in LOOKS if any(row.family == name for row in results.vanishing)):
        rows = [row for row in results.vanishing if row.family == family]
        shown = min({row.inputs for row in rows}, key=lambda inputs: abs(inputs - SHOWN_INPUTS))
        rows = [row for row in rows if row.inputs == shown]
        epsilons, low, median, high = _spread(rows, "epsilon")
        title = look(family).title if family != "dense" else f"dense, $l = {shown}$"
        axes.plot(epsilons, median, **look(family).line(), label=title, zorder=3)
        axes.fill_between(epsilons, low, high, color=look(family).color, alpha=0.15, linewidth=0)
        axes.axhline(rows[0].predicted, color=MUTED, linewidth=0.6, linestyle=(0, (1, 2)), zorder=1)
    axes.set_xlabel(r"scale $\varepsilon$ of the branch")
    axes.set_ylabel(r"$\Vert\partial L/\partial x\Vert \,/\, r$")
    axes.set_title("(b) vanishing branch; dotted: predicted limits")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(bottom=0)


def _spread(
    rows: list[VanishingRow], key: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Keys ascending, and the least, median and greatest measurement over the seeds at each."""
    groups: defaultdict[float, list[float]] = defaultdict(list)
    for row in rows:
        groups[float(getattr(row, key))].append(row.measured)
    keys = sorted(groups)
    low, median, high = np.array([np.quantile(groups[value], (0, 0.5, 1)) for value in keys]).T
    return np.array(keys), low, median, high
