"""Bounds the gain of a whole batch of independent samples, ‖∂L/∂h_i‖/‖∂L/∂h_j‖ over all of them.

A ratio of sums lies between the least and the greatest of the samples' own (every_loss.batch); of
hard labels the extremes are found (every_loss.best_labels).
"""

from collections.abc import Hashable
from dataclasses import dataclass

import torch
from torch import Tensor

from derivations.algebra.showing import Showing, Shown
from derivations.errors import InputError
from numeric.every_loss import cotangents
from numeric.every_loss.loss_bounds import HOLDS_FOR, LossClass, bounds, label_norms
from numeric.every_loss.reachable import Reachable
from numeric.runs.sample_summary import written


@dataclass(frozen=True, eq=False, repr=False)
class BatchBounds(Shown):
    """lower ≤ γ of the batch ≤ upper, for every loss that is a sum or mean over its samples.

    `floor` as in `LossBounds`, the greatest of the samples'. For "labels" the labels (batch,) that
    attain each end, else None.
    """

    lower: float
    upper: float
    floor: float
    holds_for: str
    lower_at: Tensor | None = None
    upper_at: Tensor | None = None

    def showing(self) -> Showing:
        rows = (("gain ≥", written(self.lower, "lower")), ("gain ≤", written(self.upper, "upper")))
        return Showing(f"Bounds of the whole batch for {self.holds_for}", ("", "bound"), rows)


def batch_bounds(
    found: Reachable, i: Hashable, j: Hashable, cls: LossClass = "shift_invariant"
) -> BatchBounds:
    """The bounds for "all", "shift_invariant" (attained where one sample sends all) or "labels"
    (cross-entropy with whichever labels, the extremes exactly, by Dinkelbach 1967).

    Raises InputError for coupled samples, whose `bounds` are the batch's already, and where no
    sample has a signal.
    """
    if found.joined:
        raise InputError("the samples are coupled: `bounds` are those of the batch")
    if cls == "labels":
        return _of_labels(found, i, j)
    each = bounds(found, i, j, cls)
    live = ~each.lower.isnan()
    if not live.any():
        raise InputError(each.why_none[0])
    return BatchBounds(
        float(each.lower[live].min()),
        float(each.upper[live].max()),
        float(each.floor.max()),
        each.holds_for,
    )


def _of_labels(found: Reachable, i: Hashable, j: Hashable) -> BatchBounds:
    if found.span == "labels" and found.basis.shape[2] != found.classes:
        raise InputError("a batch's labels are any of all: ask `reachable` for basis='sum_zero'")
    above, below, _, floor = label_norms(found, i, j)
    lengths = cotangents.surprise(found.logits)
    above, below = torch.where(below > 0, above, 0.0) * lengths, below * lengths
    largest = below.max()
    if not largest > 0:
        raise InputError(f"no signal of {HOLDS_FOR['labels']} reaches the block's output")
    above, below = (above / largest) ** 2, (below / largest) ** 2
    (low, lower_at), (high, upper_at) = (_extreme(above, below, side) for side in (-1.0, 1.0))
    return BatchBounds(low, high, float(floor.max()), HOLDS_FOR["labels"], lower_at, upper_at)


def _extreme(above: Tensor, below: Tensor, side: float) -> tuple[float, Tensor]:
    """The greatest (side 1) or least (−1) root of Σ above[b, y_b] / Σ below[b, y_b] over all y.

    Each round takes the y best for Σ above − λ·below; λ rises until no y is better: then it is λ.
    """
    # A sample none of whose labels sends a signal adds nothing; others' dead labels are a choice.
    chosen = below.argmax(1)
    ratio = _ratio(above, below, chosen)
    while True:
        best = (side * (above - ratio * below)).argmax(1)
        if not below.gather(1, best[:, None]).sum() > 0:
            return ratio**0.5, chosen
        value = _ratio(above, below, best)
        if not side * (value - ratio) > 0:
            return ratio**0.5, chosen
        ratio, chosen = value, best


def _ratio(above: Tensor, below: Tensor, chosen: Tensor) -> float:
    tops, bottoms = (each.gather(1, chosen[:, None]).sum() for each in (above, below))
    return float(tops / bottoms)
