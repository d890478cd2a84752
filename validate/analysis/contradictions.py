"""Says of measured gains that lie outside of bounds for every loss what is known of the reason.

In exact arithmetic none would: it is lost digits where they are seen to be lost, else a fault.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from numeric import CapturedModel
from validate.analysis.analysis_document import (
    BlockAnalysis,
    BoundValue,
    ParameterRecord,
    Spread,
)
from validate.analysis.every_loss_records import CLASSES
from validate.targets.backward_signals import IGNORED

SAME = 1e-5
"""Gains and bounds of float32 agree to so much where digits are left."""
ROUNDS = 2e-3
"""Backward passes of float32 may differ by so much, as where pullbacks are compared."""


def contradictions(
    captured: CapturedModel,
    blocks: Sequence[BlockAnalysis],
    parameters: Sequence[ParameterRecord],
    y: Tensor | None,
    loss: Callable[[Any], Tensor],
    rounded: Collection[int] = (),
) -> tuple[str, ...]:
    """A remark for each reason why measured gains lie outside of bounds that hold for their loss.

    `y` are the labels of a cross-entropy, None of another `loss`; `rounded` are the blocks that a
    signal leaves which is too small for their bounds, by their index.
    """
    outside = list(_outside(blocks, parameters, _classes(y)))
    if not outside:
        return ()
    recording = captured.flow.recording
    logits = recording.values[recording.outputs[0]]
    small = {block.name for block in blocks if block.index in rounded}
    saturated = y is not None and has_lost_digits(logits, y, loss)
    rough = logits.dtype != torch.float64
    reasons: dict[str, list[str]] = {}
    for name, bound, by in outside:
        lost = name in small or (saturated and bound.id != "every_loss.all")
        why = _why(by, lost, rough)
        reasons.setdefault(why, []).append(name)
    return tuple(_said(list(dict.fromkeys(names)), why) for why, names in reasons.items())


def _classes(y: Tensor | None) -> list[str]:
    """The classes of losses that it is in: hard labels are whole numbers, soft ones are shares."""
    if y is None:
        return [f"every_loss.{CLASSES[0]}"]
    return [f"every_loss.{each}" for each in CLASSES[: 2 if y.is_floating_point() else 3]]


def _outside(
    blocks: Sequence[BlockAnalysis], parameters: Sequence[ParameterRecord], known: Sequence[str]
) -> Iterator[tuple[str, BoundValue, float]]:
    """The names of what was measured, each with the bound that it is the furthest from."""
    measured = [(block.name, block.gain, block.bounds) for block in blocks]
    measured += [(each.name, each.sample_ratio, each.bounds) for each in parameters]
    for name, spread, bounds in measured:
        found = [(_apart(spread, each), each) for each in bounds if each.id in known]
        by, bound = max(found, key=lambda each: each[0], default=(0.0, None))
        if bound is not None and by > SAME:
            yield name, bound, by


def _apart(spread: Spread | None, bound: BoundValue) -> float:
    """How far a gain lies outside, relative to the bound."""
    if spread is None or bound.value is None:
        return 0.0
    if bound.side == "lower":
        return 1 - spread.min / bound.value if bound.value > 0 else 0.0
    if spread.max <= bound.value:
        return 0.0
    return spread.max / bound.value - 1 if bound.value > 0 else torch.inf


def _why(by: float, lost: bool, rough: bool) -> str:
    if lost:
        return (
            "which is rounding: a sample is so saturated that its signal, or the model's "
            "derivative, has no digits left; use float64, or leave such samples out"
        )
    if rough and by <= ROUNDS:
        return f"by less than {ROUNDS:g} of them, which rounding in float32 can do; use float64"
    ask = "; ask in float64, and where it stays, either" if rough else ": either"
    return (
        f"by {by:.1g} of them, and no digits are seen to be lost{ask} the model's backward pass is "
        "not the derivative of what it computes, or these numbers are wrong; trust neither, and "
        "report it"
    )


def _said(names: Sequence[str], why: str) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    outside = "what was measured lies outside of bounds for every loss"
    return f"{', '.join(names[:3])}{more}: {outside}, {why}"


def has_lost_digits(logits: Tensor, y: Tensor, loss: Callable[[Any], Tensor]) -> bool:
    """Whether the signal of a cross-entropy with labels y, at some sample's logits (batch, K), is
    another than softmax(z) − y by more than gains and bounds may be apart.
    """
    z = logits.detach().clone().requires_grad_()
    with torch.enable_grad():
        (found,) = torch.autograd.grad(loss(z), z)
    exact = _signal(logits.detach().double(), y)
    size = exact.norm(dim=1)
    return bool(((found.double() - exact).norm(dim=1) > SAME / 10 * size).any())


def _signal(z: Tensor, y: Tensor) -> Tensor:
    """softmax(z) − y without cancellation for hard labels: of the label itself −Σ of the others."""
    chances = z.softmax(1)
    if y.is_floating_point():
        return chances * y.double().sum(1, keepdim=True) - y.double()
    counted = (y != IGNORED)[:, None]
    at = torch.where(y == IGNORED, 0, y).long()[:, None]
    others = chances.scatter(1, at, 0.0)
    return others.scatter(1, at, -others.sum(1, keepdim=True)) * counted
