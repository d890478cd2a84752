"""Draws the verdicts on all claims of the paper on one page: a row per claim, a column per verdict.

Reads the recorded audit: of what `gradbound audit --format json` prints, the verdicts, words and
summaries, which a slow test holds against a new audit. Claims are put in few words here.
"""

import json
from functools import cache
from pathlib import Path
from typing import get_args

from matplotlib.figure import Figure

import validate
from paper_figures.drawing.style import COLUMN, INK, MUTED, styled
from validate.audit.audit_document import Audit
from validate.audit.verdicts import Verdict
from validate.records.storage import read_bytes

RECORDED_AUDIT = Path(validate.__file__).parent / "results" / "audit" / "audit.json"

_X, _H = r"\partial L/\partial x", r"\partial L/\partial H"
_F = r"\partial F/\partial x"
SHORT = {
    "C1": f"Eq. (1): ${_X} = \\partial L/\\partial F \\times {_F}$\nin a plain block",
    "C2": f"the gradient of a plain block\nvanishes with ${_F}$",
    "C3": f"Eq. (2): ${_X} = {_H} \\times ({_F} + 1)$\nin a residual block",
    "C4": f"in a residual block ${_H}$ remains\nwhen ${_F} \\to 0$",
    "C5": "hence gradients do not vanish\nin the ResNet model",
    "C6": r"the product rule for $\tilde F = s \cdot F$",
    "C7": "Eq. (3): the gradient of an SE block",
    "C8": f"${_H} \\times (\\partial s/\\partial x \\cdot F + 1)$ remains\n"
    f"in an SE block when ${_F} \\to 0$",
    "C9": "SE-ResNet overcomes vanishing\nmore effectively than ResNet",
    "C10": "Eq. (4) says what the text says\nof a dense block",
    "C11": r"Eq. (5): $\partial H/\partial x$ of a dense block",
    "C12": f"Eq. (6), its equality: $\\Vert {_X} \\Vert$ is\na root of a sum of squares",
    "C13": "Eq. (6), its lower bound",
    "C14": f"at least $|{_H}| \\times \\sqrt{{l}}$ remains\nin a dense block",
    "C15": "DenseNet overcomes vanishing\nmore effectively than ResNet",
    "C16": "Table 1: ResNet-34 gains 3.5 points,\nplain networks lose with depth",
    "C17": "Table 2: SE-ResNet errs less than\nResNet at every depth",
    "C18": "SE-ResNet-50 gains 1.51 points",
    "C19": "Table 2: the GFLOPs",
    "C20": "Table A1: the numbers of parameters",
    "C21": "DenseNet-201: fewer parameters, more\nlayers, less error than ResNet-50",
    "C22": "DenseNet needs more operations\nthan ResNet",
    "C23": "the differences in Tables 1 and 2\nare significant",
    "C24": "in general plain networks lose with\ndepth, ResNets gain",
    "C25": "the ranking by gradient flow is\nthe ranking by error",
}
LOOKS = {
    "confirmed": ("#009E73", "o"),
    "conditional": ("#E69F00", "D"),
    "refuted": ("#D55E00", "X"),
    "undecided": ("#56B4E9", "s"),
    "untestable": ("#999999", "P"),
}
ROW = 0.262  # inches
LINE = "#e6e6e6"
HEAD = 3.3  # rows above the first
WORDS, FIRST, STEP = 0.31, 2.22, 0.2  # inches: where words and columns begin


@cache
def recorded_audit(path: Path = RECORDED_AUDIT) -> Audit:
    """The audit in the file; raises InputError where there is none."""
    return Audit.of(json.loads(read_bytes(path)))


def recorded(_: object) -> Figure:
    """The figure of the recorded audit."""
    return figure(recorded_audit())


@styled
def figure(audit: Audit) -> Figure:
    """A matrix of marks: rows C1 to C25, columns the five verdicts, with how many have each."""
    rows, verdicts = len(audit.claims), get_args(Verdict)
    drawing = Figure(figsize=(COLUMN, (rows + HEAD) * ROW))
    axes = drawing.add_axes((0, 0, 1, 1), xlim=(-0.04, COLUMN - 0.04), ylim=(rows, -HEAD))
    axes.set_axis_off()
    axes.hlines([-0.5, rows - 0.5], 0, COLUMN - 0.08, color=INK, linewidth=0.6)
    axes.hlines(
        [row + 0.5 for row in range(rows - 1)],
        0,
        COLUMN - 0.08,
        color=LINE,
        linewidth=0.5,
        zorder=0,
    )
    for place, verdict in enumerate(verdicts):
        x, (color, marker) = FIRST + STEP * (place + 0.5), LOOKS[verdict]
        at = [row for row, claim in enumerate(audit.claims) if claim.verdict == verdict]
        axes.text(x, -1.35, verdict, fontsize=7, rotation=90, ha="center", va="bottom")
        axes.text(x, -0.9, str(len(at)), ha="center", va="center", color=MUTED, fontsize=7)
        axes.vlines(x, -0.5, rows - 0.5, color=LINE, linewidth=0.6, zorder=0)
        axes.plot(
            [x] * len(at), at, marker=marker, color=color, markersize=5.5,
            markeredgecolor=INK, markeredgewidth=0.4, linestyle="none", gid=verdict, zorder=3,
        )  # fmt: skip
    for row, claim in enumerate(audit.claims):
        axes.text(0, row, claim.id, va="center", fontweight="bold", fontsize=7)
        words = SHORT.get(claim.id, claim.claim)
        axes.text(WORDS, row, words, va="center", fontsize=7, linespacing=1.05)
    return drawing
