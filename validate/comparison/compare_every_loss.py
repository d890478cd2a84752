"""Holds the bounds that are valid whatever the loss against the gains measured of one loss.

The bounds come from the network and its input alone: no measured signal makes them sharper.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from numeric import BoundNumbers, loss_bounds, reachable
from validate.comparison.compare_network import ROUNDING, bound_row
from validate.measure.network_gains import Measurement
from validate.networks.build import Network
from validate.records.schema import EVERY_LOSS, LOSS_CLASSES, BoundRow

MOST_ROUNDING = 1e-5
"""A check that must allow for more, relative to gain and bound, is none and is left out; what a
record tells apart is two digits more."""
AT_ONCE = 2**28
"""Bytes of signals that are held at once, unless those of a single sample are more."""


@dataclass(frozen=True)
class EveryLossRows:
    """The bounds on every segment, and those from end to end; none where there is one class."""

    blocks: tuple[tuple[BoundRow, ...], ...]
    whole: tuple[BoundRow, ...]


@dataclass(frozen=True)
class _Numbers:
    """`bounds` (pairs, classes, 3, batch): lower, upper and floor; `sizes` (boundaries, batch), of
    all signals that can arrive; `sent` (batch,) ‖∂L/∂z‖.
    """

    bounds: Tensor
    sizes: Tensor
    sent: Tensor


def compare_every_loss(
    network: Network, x: Tensor, y: Tensor, measurement: Measurement
) -> EveryLossRows:
    """Holds them against what was measured of the cross-entropy of (x, y): a backward pass for
    every logit, through a copy. Raises InputError as `numeric.reachable` does.

    Null is a sample without a gain, one whose signal is below the floor of its bounds, and one
    whose signal is so small beside those of other losses that it could be rounding.
    """
    # Of its own, as that of `predict`.
    twin = copy.deepcopy(network).double().eval().requires_grad_(False)
    count = len(measurement.gains)
    x = x.double()
    with torch.no_grad():
        classes = twin(x[:1]).shape[1]
    if classes < 2:  # whose cross-entropy is 0
        return EveryLossRows(((),) * count, ())
    pairs = [*pairwise(range(count + 1)), (0, count)]
    entries = sum(h[0].numel() for h in measurement.activations)
    some = max(AT_ONCE // (8 * classes * entries), 1)
    parts = [
        _numbers(twin, *each, pairs) for each in zip(x.split(some), y.split(some), strict=True)
    ]
    found = _Numbers(
        *(torch.cat([getattr(part, name) for part in parts], -1) for name in vars(parts[0]))
    )
    arrived = [torch.linalg.vector_norm(g.flatten(1), dim=1).cpu() for g in measurement.signals]
    rows = [
        _rows(found, number, pair, gain.cpu(), arrived[pair[1]])
        for number, (pair, gain) in enumerate(
            zip(pairs, [*measurement.gains, measurement.total], strict=True)
        )
    ]
    return EveryLossRows(tuple(rows[:-1]), rows[-1])


def _numbers(twin: Network, x: Tensor, y: Tensor, pairs: Sequence[tuple[int, int]]) -> _Numbers:
    found = reachable(twin, x, basis="all")
    bounds = torch.stack(
        [
            torch.stack([
                torch.stack([made.lower, made.upper, made.floor])
                for made in (loss_bounds(found, i, j, cls) for cls in LOSS_CLASSES)
            ])
            for i, j in pairs
        ]
    )  # fmt: skip
    boundaries = range(len(pairs))
    sizes = torch.stack([torch.linalg.matrix_norm(found.factor(place)) for place in boundaries])
    return _Numbers(bounds.cpu(), sizes.cpu(), _sent(found.logits, y).cpu())


def _sent(logits: Tensor, y: Tensor) -> Tensor:
    """‖∂L/∂z‖ of the cross-entropy, (batch,): p_y − 1 is minus the sum of the others, which does
    not cancel.
    """
    others = logits.softmax(1).scatter(1, y[:, None], 0.0)
    return (others.square().sum(1) + others.sum(1).square()).sqrt()


def _rows(
    found: _Numbers, number: int, pair: tuple[int, int], gain: Tensor, arrived: Tensor
) -> tuple[BoundRow, ...]:
    """Of one pair of boundaries, beside its gains (batch,); `arrived` is ‖∂L/∂h_j‖."""
    # Two passes round each in its own way, by a share of all that can arrive.
    before, after = (ROUNDING * found.sizes[place] / arrived for place in pair)
    made = []
    for cls, (lower, upper, floor) in zip(LOSS_CLASSES, found.bounds[number], strict=True):
        sides = {"lower": lower, "upper": upper}
        allowed = {
            side: (ROUNDING + after) * (gain + value) + before for side, value in sides.items()
        }
        live = gain.isfinite() & lower.isfinite() & (arrived >= floor * found.sent)
        for side, value in sides.items():
            says_nothing = value == (0.0 if side == "lower" else math.inf)
            live &= says_nothing | (allowed[side] <= MOST_ROUNDING * (gain + value))
        for side, value in sides.items():
            bound = BoundNumbers(f"{EVERY_LOSS}{cls}", side, "exact", None, value[live])
            made.append(bound_row(bound, gain[live], allowed[side][live], live))
    return tuple(made)
