"""Draws the verdicts on all claims of the paper on one page: a row per claim, a column per verdict.

Reads the recorded audit, which `gradbound audit --format json` makes. Claims are put in few words
here; the audit has them in full, with evidence.
"""

import json
from functools import cache
from pathlib import Path
from typing import get_args

from matplotlib.figure import Figure

import validate
from paper_figures.drawing.style import DOUBLE, INK, MUTED, styled
from validate.audit.audit_document import Audit
from validate.audit.verdicts import Verdict
from validate.records.storage import read_bytes

RECORDED_AUDIT = Path(validate.__file__).parent / "results" / "audit" / "audit.json"

_X, _H = r"\partial L/\partial x", r"\partial L/\partial H"
_F = r"\partial F/\partial x"
SHORT = {
    "C1": rf"Eq. (1): ${_X} = \partial L/\partial F \times {_F}$ in a plain block",
    "C2": rf"the gradient of a plain block vanishes with ${_F}$",
    "C3": rf"Eq. (2): ${_X} = {_H} \times ({_F} + 1)$ in a residual block",
    "C4": rf"in a residual block ${_H}$ remains when ${_F} \to 0$",
    "C5": "hence gradients do not vanish in the ResNet model",
    "C6": r"the product rule for $\tilde F = s \cdot F$",
    "C7": "Eq. (3): the gradient of an SE residual block",
    "C8": rf"in an SE block ${_H} \times (\partial s/\partial x \cdot F + 1)$ remains when "
    rf"${_F} \to 0$",
    "C9": "SE-ResNet overcomes vanishing gradients more effectively than ResNet",
    "C10": "Eq. (4) says what the text says of a dense block",
    "C11": r"Eq. (5): $\partial H/\partial x$ of a dense block",
    "C12": rf"Eq. (6), its equality: $\Vert {_X} \Vert$ is a root of a sum of squares",
    "C13": "Eq. (6), its lower bound",
    "C14": rf"at least $|{_H}| \times \sqrt{{l}}$ remains in a dense block",
    "C15": "DenseNet overcomes vanishing gradients more effectively than ResNet",
    "C16": "Table 1: ResNet-34 gains 3.5 points; plain networks lose with depth",
    "C17": "Table 2: SE-ResNet errs less than ResNet at every depth",
    "C18": "SE-ResNet-50 gains 1.51 points",
    "C19": "Table 2: the GFLOPs",
    "C20": "Table A1: the numbers of parameters",
    "C21": "DenseNet-201: fewer parameters, more layers, less error than ResNet-50",
    "C22": "DenseNet needs more operations than ResNet",
    "C23": "the differences in Tables 1 and 2 are significant (deviation below 1 %)",
    "C24": "in general plain networks lose accuracy with depth, ResNets gain",
    "C25": "the ranking by gradient flow is the ranking by error",
}
LOOKS = {
    "confirmed": ("#009E73", "o"),
    "conditional": ("#E69F00", "D"),
    "refuted": ("#D55E00", "X"),
    "undecided": ("#56B4E9", "s"),
    "untestable": ("#999999", "P"),
}
ROW = 0.205  # inches
ID, WORDS, FIRST, STEP, WIDTH = 0.0, 0.36, 4.0, 0.57, 6.9  # inches


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
    height = (rows + 2.2) * ROW
    drawing = Figure(figsize=(DOUBLE, height))
    axes = drawing.add_axes((0, 0, 1, 1), xlim=(-0.08, WIDTH), ylim=(rows + 0.4, -1.8))
    axes.set_axis_off()
    places = {verdict: FIRST + STEP * (place + 0.5) for place, verdict in enumerate(verdicts)}
    for verdict, count in audit.tally.items():
        color, marker = LOOKS[verdict]
        axes.text(places[verdict], -1.35, verdict, fontsize=7, ha="center", va="center")
        axes.text(places[verdict], -0.72, str(count), ha="center", va="center", color=MUTED)
        axes.axvline(
            places[verdict],
            0.01,
            (rows + 0.9) / (rows + 2.2),
            color="#ececec",
            linewidth=0.6,
            zorder=0,
        )
        at = [row for row, claim in enumerate(audit.claims) if claim.verdict == verdict]
        axes.plot(
            [places[verdict]] * len(at), at, marker=marker, color=color, markersize=7,
            markeredgecolor=INK, markeredgewidth=0.4, linestyle="none", gid=verdict, zorder=3,
        )  # fmt: skip
    for row, claim in enumerate(audit.claims):
        axes.text(ID, row, claim.id, va="center", fontweight="bold")
        axes.text(WORDS, row, SHORT.get(claim.id, claim.claim), va="center")
        axes.axhline(row + 0.5, color="#e6e6e6", linewidth=0.5, zorder=0)
    axes.axhline(-0.5, color=INK, linewidth=0.6)
    return drawing
