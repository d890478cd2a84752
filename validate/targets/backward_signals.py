"""Chooses what is backpropagated through a model: a user's loss, labels, or random numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from derivations.errors import InputError
from numeric.recording.failures import named_failures

IGNORED = -100
"""A label that the cross-entropy leaves out."""


@dataclass(frozen=True)
class BackwardSignal:
    """`loss` makes one number of a model's result; `words` say which."""

    loss: Callable[[Any], Tensor]
    words: str


def signal_of(loss: Callable[[Any], Tensor] | None, y: Tensor | None, seed: int) -> BackwardSignal:
    """The loss, or the summed cross-entropy with the labels y (batch,), or the inner product of
    every result with a standard normal vector drawn from `seed`.

    Raises InputError where both are given; the signal itself where the result does not fit.
    """
    if loss is not None and y is not None:
        raise InputError("give either the labels y or a loss of the result, not both")
    if loss is not None:
        return BackwardSignal(loss, "the given loss")
    if y is not None:
        labels = y
        return BackwardSignal(lambda out: _cross_entropy(out, labels), "summed cross-entropy")
    words = f"standard normal cotangent, seed {seed}"
    return BackwardSignal(lambda out: _gaussian(out, seed), words)


def result_loss(number: int, seed: int) -> Callable[[Any], Tensor]:
    """The inner product of one tensor of a result, counted from 1 in flat order, with a standard
    normal vector. Raises InputError, when it is called, for a number that the result does not have.
    """

    def loss(out: Any) -> Tensor:
        found = [leaf for leaf in tree_flatten(out)[0] if isinstance(leaf, Tensor)]
        if number > len(found):
            raise InputError(f"the result has no tensor {number}: it has {len(found)}")
        return _gaussian(found[number - 1], seed)

    return loss


def arguments_of(inputs: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments: one dict alone is keyword arguments.

    Raises InputError where there is nothing.
    """
    if not inputs:
        raise InputError("no input: pass the tensors that the model takes, or one dict of them")
    if len(inputs) == 1 and isinstance(inputs[0], dict):
        return (), dict(inputs[0])
    return tuple(inputs), {}


def used_results(
    model: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    loss: Callable[[Any], Tensor],
) -> tuple[int, ...] | None:
    """Which tensors of the model's result, by their place in flat order, the loss depends on; None
    for all, and for a loss that the measurement refuses.
    """
    given = tree_map(_copied, (tuple(args), dict(kwargs)))
    # Not without gradients: a model may differentiate while it runs, as of an energy.
    with torch.enable_grad(), named_failures(model):
        flat, spec = tree_flatten(model(*given[0], **given[1]))
    places = [index for index, leaf in enumerate(flat) if isinstance(leaf, Tensor)]
    leaves = {
        number: flat[place].detach().clone().requires_grad_()
        for number, place in enumerate(places)
        if flat[place].is_floating_point()
    }
    if len(leaves) < 2:
        return None
    for number, leaf in leaves.items():
        flat[places[number]] = leaf
    with torch.enable_grad():
        value = loss(tree_unflatten(flat, spec))
    if not isinstance(value, Tensor) or value.numel() != 1 or value.grad_fn is None:
        return None
    found = torch.autograd.grad(value.reshape(()), [*leaves.values()], allow_unused=True)
    used = tuple(n for n, signal in zip(leaves, found, strict=True) if signal is not None)
    return used if 0 < len(used) < len(leaves) else None


def _copied(leaf: Any) -> Any:
    return leaf.detach().clone() if isinstance(leaf, Tensor) else leaf


def _results(out: Any) -> list[Tensor]:
    found = [leaf for leaf in tree_flatten(out)[0] if isinstance(leaf, Tensor)]
    found = [leaf for leaf in found if leaf.is_floating_point() and leaf.requires_grad]
    if not found:
        raise InputError("the model's result carries no gradient: no tensor in it depends on it")
    return found


def _cross_entropy(out: Any, labels: Tensor) -> Tensor:
    logits = _results(out)[0]
    if logits.dim() < 2:
        raise InputError(
            "labels y need logits (batch, classes, …) as the model's first result: give a loss"
        )
    _check_labels(labels, logits)
    if not labels.is_floating_point():
        labels = labels.long()
    return functional.cross_entropy(_wide(logits), labels, reduction="sum")


def _check_labels(y: object, logits: Tensor) -> None:
    """Raises InputError for what are no labels of these logits (batch, classes, …)."""
    shape, classes = tuple(logits.shape), logits.shape[1]
    if not isinstance(y, Tensor):
        raise InputError(f"y is a {type(y).__name__}: pass labels as a tensor, torch.as_tensor(y)")
    if y.device != logits.device:
        raise InputError(f"y is on {y.device}, the logits on {logits.device}: move y there")
    if y.is_floating_point() and y.shape == logits.shape:
        return  # a share of each class
    if y.is_floating_point() or y.is_complex():
        raise InputError(f"y is {y.dtype}, and labels are whole numbers: pass y.long()")
    if y.dim() and len(y) != shape[0]:
        raise InputError(
            f"y has {len(y)} labels, and the batch {shape[0]} samples: pass one label for each"
        )
    if tuple(y.shape) != (shape[0], *shape[2:]):
        raise InputError(
            f"y is {tuple(y.shape)}, and of logits {shape} labels are {(shape[0], *shape[2:])}: "
            "pass them so, or give a loss"
        )
    known = y[y != IGNORED].long()
    if known.numel() and not 0 <= int(known.min()) <= int(known.max()) < classes:
        wrong = int(known.min()) if known.min() < 0 else int(known.max())
        raise InputError(
            f"y has the label {wrong}, and the logits are of {classes} classes: pass labels from 0 "
            f"to {classes - 1}, or {IGNORED} to leave one out"
        )


def _gaussian(out: Any, seed: int) -> Tensor:
    # Drawn in float64 on the CPU, so that every precision and device gets the same numbers.
    generator = torch.Generator().manual_seed(seed)
    found = [_wide(each) for each in _results(out)]
    drawn = [torch.randn(each.shape, generator=generator, dtype=torch.float64) for each in found]
    return sum(
        ((each * other.to(each)).sum() for each, other in zip(found, drawn, strict=True)),
        start=torch.zeros((), dtype=found[0].dtype, device=found[0].device),
    )


def _wide(tensor: Tensor) -> Tensor:
    """Sums in half precision lose what they add, and overflow."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
