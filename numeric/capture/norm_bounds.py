"""Bounds a block that is one normalization of its input's own statistics, at the recorded input.

‖J‖₂ ≤ max|w|/s with s = √(var + ε), of a LayerNorm, an RMSNorm, each group of a GroupNorm and each
channel of an InstanceNorm: the number is of the bound that the theorem norm.scale proves.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from derivations.rules.bound_types import Bound
from derivations.theorems.normalization import SCALE, theorem_of_scale
from numeric.capture.capture import Captured, CapturedModel
from numeric.capture.region import Region
from numeric.capture.segment_numbers import SegmentNumbers
from numeric.capture.segment_signals import segment_values
from numeric.evaluation.block_numbers import BoundNumbers
from numeric.recording.graph import Node, Ref

_NAMES: Mapping[str, tuple[str, ...]] = {
    "layer_norm": ("input", "normalized_shape", "weight", "bias", "eps"),
    "rms_norm": ("input", "normalized_shape", "weight", "eps"),
    "group_norm": ("input", "num_groups", "weight", "bias", "eps"),
    "instance_norm": (
        "input", "running_mean", "running_var", "weight", "bias", "use_input_stats", "momentum",
        "eps",
    ),
}  # fmt: skip
"""The arguments of the functions that are known, in their order."""


def norm_bound(model: CapturedModel, segment: Captured) -> Tensor | None:
    """max|w|/s of each sample, (batch,); None where the block is no such norm, or does more than
    move entries besides.
    """
    regions = [each for each in segment.regions.values() if isinstance(each, Region)]
    if len(regions) != 1 or len(segment.regions) != 1 or regions[0].shape is not None:
        return None
    steps = [step for step in regions[0].steps if not step.traits.isometry]
    if len(steps) != 1 or steps[0].node.name not in _NAMES or len(steps[0].operands) != 1:
        return None
    step = steps[0]
    node, values = step.node, segment_values(model, segment)
    x = values[step.operands[0]]
    if len(x) != len(model.value(segment.entry)) or not node.whole:
        return None
    given = _arguments(node, values)
    if isinstance(node.kwargs.get("weight"), Ref) or not isinstance(given["input"], Tensor):
        return None
    if node.name == "instance_norm" and not given.get("use_input_stats", True):
        return None
    size = _DEVIATION[node.name](x.detach().double(), given)
    weight, parts = given.get("weight"), size.shape[1] if node.name in _OWN_WEIGHTS else 1
    if weight is None:
        return 1 / size.amin(1)
    largest = weight.detach().double().abs().reshape(parts, -1).amax(1)
    return (largest / size).amax(1)


def with_norm_bound(found: SegmentNumbers, scale: Tensor, joined: bool) -> SegmentNumbers:
    """The numbers with this bound among them."""
    gain = found.numbers.gain
    value = (scale.amax().reshape(1) if joined else scale).to(gain.dtype)
    value = torch.where(found.numbers.live, value, math.nan)
    bound = scale_bound()
    words = f"{bound.expr} = max|w|/√(var + ε)"
    shown = BoundNumbers(bound.id, bound.side, bound.certainty, None, value, words)
    numbers = replace(found.numbers, bounds=(*found.numbers.bounds, shown))
    return replace(found, numbers=numbers, holds_for={**found.holds_for, bound.id: bound.holds_for})


@lru_cache(maxsize=1)
def scale_bound() -> Bound:
    """The proved bound whose value is σ_max(D) alone, D = diag(w)/s."""
    (bound,) = theorem_of_scale().bounds
    assert bound.expr == SCALE
    return bound


def _arguments(node: Node, values: Mapping[int, Tensor]) -> dict[str, Any]:
    given = dict(zip(_NAMES[node.name], node.args, strict=False)) | dict(node.kwargs)
    return {
        name: values[each.value] if isinstance(each, Ref) else each for name, each in given.items()
    }


def _layer(x: Tensor, given: Mapping[str, Any]) -> Tensor:
    axes = tuple(range(-len(given["normalized_shape"]), 0))
    return (x.var(axes, correction=0) + given.get("eps", 1e-5)).sqrt().reshape(len(x), -1)


def _rms(x: Tensor, given: Mapping[str, Any]) -> Tensor:
    axes = tuple(range(-len(given["normalized_shape"]), 0))
    eps = given.get("eps")
    if eps is None:  # torch takes that of the type in which it computes
        eps = min(torch.finfo(each).eps for each in (given["input"].dtype, torch.float32))
    return (x.square().mean(axes) + eps).sqrt().reshape(len(x), -1)


def _group(x: Tensor, given: Mapping[str, Any]) -> Tensor:
    groups = x.reshape(len(x), given["num_groups"], -1)
    return (groups.var(-1, correction=0) + given.get("eps", 1e-5)).sqrt()


def _instance(x: Tensor, given: Mapping[str, Any]) -> Tensor:
    return _group(x, {"num_groups": x.shape[1], "eps": given.get("eps", 1e-5)})


_DEVIATION: Mapping[str, Callable[[Tensor, Mapping[str, Any]], Tensor]] = {
    "layer_norm": _layer,
    "rms_norm": _rms,
    "group_norm": _group,
    "instance_norm": _instance,
}
"""s of each sample and of each part that has statistics of its own, (batch, parts)."""
_OWN_WEIGHTS = ("group_norm", "instance_norm")
"""Their parts have weights of their own; those of the others share them."""
