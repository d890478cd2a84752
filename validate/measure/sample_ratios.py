"""Measures what single samples of a batch add to the gradients of a model's parameters.

Autograd alone is asked: one forward pass, in which inputs take gradients as they do where the batch
is measured, and a backward pass for each sample, from the logits on.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map

from validate.measure.model_gains import fresh, gradients, passed_on


def sample_ratios(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    loss: Callable[[Any], Tensor],
    names: Collection[str],
    most: int,
) -> Mapping[str, Tensor]:
    """‖∂L_b/∂W‖/‖∂L/∂z_b‖ by name, of the first samples, at most so many: NaN where the loss sends
    a sample's logits z_b nothing. L_b is the sample's own part of the loss, by way of its logits.
    Parameters that no backward pass reaches are left out.

    The samples must be apart. Raises ValueError where the result is not one tensor (batch, …).
    """
    parameters = {name: each for name, each in model.named_parameters() if name in names}
    with torch.enable_grad():
        given = tree_map(_tracked, (tuple(args), dict(kwargs)))
        result = model(*given[0], **given[1])
        tensors = [leaf for leaf in tree_flatten(result)[0] if isinstance(leaf, Tensor)]
        if len(tensors) != 1 or not tensors[0].requires_grad:
            raise ValueError("the model's result is not one tensor with a gradient")
        logits = tensors[0]
        (sent,) = torch.autograd.grad(loss(result), logits, retain_graph=True)
    rows: dict[str, list[Tensor]] = {}
    for sample in range(min(len(logits), most)):
        with torch.enable_grad():
            part = (logits[sample] * sent[sample]).sum()
        size = sent[sample].double().norm()
        size = torch.where(size > 0, size, torch.nan)
        found = gradients(part, [*parameters.values()], again=True)
        for name, each in zip(parameters, found, strict=True):
            if each is not None:
                rows.setdefault(name, []).append(each.double().norm() / size)
    return {name: torch.stack(each) for name, each in rows.items()}


def _tracked(leaf: Any) -> Any:
    made = fresh(leaf)
    return passed_on(made) if isinstance(made, Tensor) else made
