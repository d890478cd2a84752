"""Draws every depth law beside simulated networks: how the gradient grows through the blocks.

Reads the recorded rows: lines are the laws of the infinitely wide network, marks autograd at a
finite width, bands what that width is stated to allow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper_figures.drawing.style import DOUBLE, LOOKS, shade, styled
from paper_figures.figures.select import MissingRecordsError
from validate.comparison.law_records import DepthCurveRow, read_depth

HEIGHT = 3.6
QUOTIENT = (
    r"$E\Vert\partial L/\partial x_0\Vert^2 \,/\, "
    r"E\Vert\partial L/\partial x_\ell\Vert^2$"
)
SIGNAL_AT_THE_END = "dense_last"
ERRORS = 2.0  # standard errors of a bar


@dataclass(frozen=True)
class Curve:
    """What a network is called in words, and how it is drawn."""

    words: str
    family: str
    marker: str
    tone: float = 1.0
    dashes: tuple[float, ...] = ()


CURVES = {
    "plain": Curve("plain", "plain", "s"),
    "residual": Curve("residual", "residual", "o"),
    "se_held": Curve("SE, gate held at 1/2", "se_residual", "^"),
    "norm_then_linear": Curve("x + W·BN(x)", "residual", "v", 0.5, (4, 1.5)),
    "linear_then_norm": Curve("x + BN(Wx)", "residual", "<", 0.8, (1.5, 1.2)),
    "norm_relu_linear": Curve("x + W·ReLU(BN x)", "residual", ">", 1.3, (6, 1.5, 1, 1.5)),
    "relu_linear_norm": Curve("x + BN(W·ReLU x)", "residual", "P", 1.6, (5, 1)),
    "pre_activation": Curve("pre-activation, two layers", "residual", "X", 2.0, (2, 1)),
    "dense": Curve("dense", "dense", "D"),
    "dense_unequal": Curve("dense, first width × 3", "dense", "d", 1.5, (4, 1.5)),
    "dense_last": Curve("dense, signal at the last map only", "dense", "p", 2.0, (1.5, 1.2)),
}


def recorded(_: object) -> Figure:
    """The figure of the recorded simulations."""
    return figure(read_depth())


@styled
def figure(rows: Sequence[DepthCurveRow]) -> Figure:
    """(a) Networks without normalization. (b) With BatchNorm, and dense ones."""
    if not rows:
        raise MissingRecordsError("no depth laws are recorded: make them again")
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    short, long = drawing.subplots(1, 2, width_ratios=(1, 1.5))
    depths = {row.network: row.depth for row in rows}
    for network in (name for name in CURVES if name in depths):
        axes = short if depths[network] == min(depths.values()) else long
        _curve(axes, [row for row in rows if row.network == network])
    for axes, title in ((short, "(a) without normalization"), (long, "(b) with BatchNorm; dense")):
        axes.set(title=title, xlabel="blocks passed, from the input", yscale="log")
        axes.grid(axis="y")
        axes.set_xlim(
            0, 1.04 * max((max(line.get_xdata(), default=1) for line in axes.lines), default=1)
        )
    short.set_ylabel(QUOTIENT)
    handles = [each for axes in (short, long) for each in axes.get_legend_handles_labels()[0]]
    drawing.legend(handles=handles, loc="outside lower center", ncols=3, handlelength=3.2)
    return drawing


def _curve(axes: Axes, rows: Sequence[DepthCurveRow]) -> None:
    look = CURVES[rows[0].network]
    color = shade(LOOKS[look.family].color, look.tone)
    if rows[0].network == SIGNAL_AT_THE_END:
        rows = rows[:-1]  # its last state has the signal too: no further point of the same curve
    blocks = np.array([0, *(row.block for row in rows)])
    law = np.array([1.0, *(row.predicted for row in rows)])
    allowed = np.array([0.0, *(row.allowed for row in rows)])
    style = (0, look.dashes) if look.dashes else "solid"
    axes.fill_between(
        blocks,
        law * (1 - allowed),
        law * (1 + allowed),
        color=shade(LOOKS[look.family].color, -0.25),
        linewidth=0,
        zorder=1,
        gid=f"allowed {rows[0].network}",
    )
    axes.plot(
        blocks, law, color=color, linestyle=style, linewidth=0.9, zorder=2,
        gid=f"law {rows[0].network}",
    )  # fmt: skip
    shown = rows[:: max(len(rows) // 10, 1)] if len(rows) > 10 else rows
    axes.errorbar(
        [row.block for row in shown],
        [row.measured for row in shown],
        [ERRORS * row.error for row in shown],
        marker=look.marker, markersize=3.6, color=color, markeredgecolor="white",
        markeredgewidth=0.3, elinewidth=0.7, linestyle="none", zorder=3,
    )  # fmt: skip
    axes.plot(
        [], [], color=color, linestyle=style, linewidth=0.9, marker=look.marker, markersize=3.6,
        label=look.words,
    )  # fmt: skip
