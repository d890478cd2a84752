"""Writes layers in sequence as one linear map, fed back through slopes that are not known.

A slope is D = M + RΔ with |Δ| ≤ 1. With v = R z for the input z of such a unit and w = Δ v, the
differential of the sequence is linear: (y, v) = N (x, w). Never imports a term.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from numeric.certified.compositions.affine_forms import Step
from numeric.certified.enclosed_tensors import Enclosed

KNOWN = 2.0**-40
"""A slope known as well as this counts as known, give or take what it is not."""


@dataclass(frozen=True)
class Blocks:
    """N = [F C; B A], (outputs + units) × (inputs + units), and the sizes of its corner."""

    matrix: Enclosed
    outputs: int
    inputs: int

    @property
    def units(self) -> int:
        return self.matrix.shape[0] - self.outputs


def unknown(step: Step) -> Tensor:
    """Which of the slopes of a layer, flat, are not known."""
    if step.slopes is None:
        return torch.zeros(0, dtype=torch.long)
    return (step.slopes.rad.flatten() > KNOWN).nonzero()[:, 0]


def blocks(steps: Sequence[Step], shape: torch.Size) -> Blocks:
    """N of a sequence on inputs (1, *in) of this shape."""
    units = [unknown(step) for step in steps]
    inputs = shape[1:].numel()
    outputs = steps[-1].here.value.mid.numel() if steps else inputs
    columns = [_column(steps, units, 0, _units(torch.arange(inputs), shape))]
    for index, (step, places) in enumerate(zip(steps, units, strict=True)):
        if len(places):
            started = _units(places, step.here.value.shape)
            above = sum(map(len, units[: index + 1]))
            later = _column(steps, units, index + 1, started)
            columns.append(_padded(later, outputs, above))
    mid, rad = (torch.cat([getattr(each, end) for each in columns]).mT for end in ("mid", "rad"))
    return Blocks(Enclosed(mid, rad), outputs, inputs)


def _column(steps: Sequence[Step], units: Sequence[Tensor], begin: int, v: Enclosed) -> Enclosed:
    """What vectors become from a layer on, (count, outputs + units behind)."""
    seen = []
    for step, places in zip(steps[begin:], units[begin:], strict=True):
        if step.slopes is None:
            v = step.here.push(v)
            continue
        if len(places):
            at = _flat(v)
            radii = Enclosed.exactly(step.slopes.rad.flatten()[places])
            seen.append(Enclosed(at.mid[:, places], at.rad[:, places]) * radii)
        v = v * _middle(step.slopes)
    rows = [_flat(v), *seen]
    return Enclosed(
        torch.cat([row.mid for row in rows], 1), torch.cat([row.rad for row in rows], 1)
    )


def _middle(slopes: Enclosed) -> Enclosed:
    """The middle of slopes that are not known; the others as they are."""
    return Enclosed(slopes.mid, torch.where(slopes.rad > KNOWN, 0, slopes.rad))


def _padded(rows: Enclosed, outputs: int, above: int) -> Enclosed:
    """With zeros for the units in front, which it does not reach."""
    return Enclosed(
        *(
            torch.cat([each[:, :outputs], each.new_zeros(len(each), above), each[:, outputs:]], 1)
            for each in (rows.mid, rows.rad)
        )
    )


def _flat(v: Enclosed) -> Enclosed:
    return v.view(len(v.mid), -1)


def _units(places: Tensor, shape: torch.Size) -> Enclosed:
    found = torch.zeros(len(places), shape[1:].numel(), dtype=torch.float64)
    found[torch.arange(len(places)), places] = 1
    return Enclosed.exactly(found.view(-1, *shape[1:]))
