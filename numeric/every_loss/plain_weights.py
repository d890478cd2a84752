"""Finds the parameters of a captured model that are the weight or bias of one layer, used once.

Of these, what a sample sends to them is known from the layer's input and the signals that leave it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._pytree import tree_flatten

from numeric.capture.capture import CapturedModel
from numeric.capture.flow import Step
from numeric.recording.graph import Node, Ref

_CONVOLUTION = torch.ops.aten.convolution.default
_ARGUMENTS: Mapping[object, tuple[str, ...]] = {
    functional.linear: ("input", "weight", "bias"),
    torch.ops.aten.mm.default: ("input", "weight"),
    torch.ops.aten.addmm.default: ("bias", "input", "weight"),
    _CONVOLUTION: ("input", "weight", "bias"),
}
SHARED = "used more than once"
NO_LAYER = (
    "no linear layer's or convolution's own, as recorded (of norms, embeddings, W.t(), and "
    "nn.MultiheadAttention with its in_proj and out_proj)"
)
OFF_THE_PATH = "of a layer that the input's gradient does not pass"
ODD = "of a layer that does not make one real row of each row, by a matrix"


@dataclass(frozen=True)
class PlainWeight:
    """A parameter, and the step of the layer whose weight or bias it is; `entry` is the recorded
    value that the layer takes, `step.value` what it gives. x @ W counts as a linear layer: its W is
    turned, of which no norm knows.
    """

    step: Step
    entry: int
    role: Literal["weight", "bias"]

    @property
    def is_linear(self) -> bool:
        return self.step.node.function is not _CONVOLUTION


def plain_weights(
    model: CapturedModel, named: Mapping[str, Tensor]
) -> tuple[dict[str, PlainWeight], dict[str, str]]:
    """Those of the named parameters that are plain, and why the others are not."""
    used = Counter(
        storage
        for node in model.flow.recording.nodes
        for leaf in tree_flatten((node.args, dict(node.kwargs)))[0]
        if isinstance(leaf, Tensor) and (storage := _storage(leaf))
    )
    layers = {id(each): found for step in model.flow.steps for each, found in _of_layer(step)}
    plain, others = {}, {}
    for name, parameter in named.items():
        found = layers.get(id(parameter))
        if used[_storage(parameter)] > 1:
            others[name] = SHARED
        elif found is not None and not _is_supported(model, found):
            others[name] = ODD
        elif found is not None:
            plain[name] = found
        else:
            layered = any(parameter is each for each in _layered(model))
            others[name] = OFF_THE_PATH if layered else NO_LAYER
    return plain, others


def _of_layer(step: Step) -> list[tuple[Tensor, PlainWeight]]:
    """The tensors that a linear layer or a convolution holds, one on the path of its input."""
    given = _arguments(step.node)
    entry = given.get("input")
    if not isinstance(entry, Ref) or step.operands != (entry.value,):
        return []
    roles: tuple[Literal["weight", "bias"], ...] = ("weight", "bias")
    return [
        (each, PlainWeight(step, entry.value, role))
        for role in roles
        if isinstance(each := given.get(role), Tensor)
    ]


def _is_supported(model: CapturedModel, each: PlainWeight) -> bool:
    """Whether rows of the layer's input become as many of its result, in real numbers."""
    met, made = (model.flow.recording.values[at] for at in (each.entry, each.step.value))
    if met.is_complex() or made.is_complex():
        return False
    # A vector for a weight takes an axis away, and a bias may add some.
    return not each.is_linear or (met.dim() > 1 and met.shape[:-1] == made.shape[:-1])


def _layered(model: CapturedModel) -> list[Tensor]:
    """The weights and biases of all layers."""
    nodes = model.flow.recording.nodes
    held = (_arguments(node).get(role) for node in nodes for role in ("weight", "bias"))
    return [each for each in held if isinstance(each, Tensor)]


def _arguments(node: Node) -> dict[str, object]:
    """By name; nothing of what is no such layer."""
    if node.function not in _ARGUMENTS or node.kwargs.keys() & {"alpha", "beta"}:
        return {}
    names = _ARGUMENTS[node.function]
    return dict(zip(names, node.args, strict=False)) | dict(node.kwargs)


def _storage(tensor: Tensor) -> int:
    """Where its numbers lie: of a parameter and of its views the same."""
    return tensor.untyped_storage().data_ptr()
