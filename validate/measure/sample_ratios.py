"""Measures what single samples of a batch add to the gradients of a model's parameters.

Autograd alone is asked: one forward pass, and a backward pass for each sample, from the logits on.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten


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

    The samples must be apart. Raises ValueError where the result is not one tensor (batch, …), or
    where autograd does not find a parameter, as behind a re-entrant checkpoint.
    """
    parameters = {name: each for name, each in model.named_parameters() if name in names}
    with torch.enable_grad():
        result = model(*args, **kwargs)
        tensors = [leaf for leaf in tree_flatten(result)[0] if isinstance(leaf, Tensor)]
        if len(tensors) != 1 or not tensors[0].requires_grad:
            raise ValueError("the model's result is not one tensor with a gradient")
        logits = tensors[0]
        (sent,) = torch.autograd.grad(loss(result), logits, retain_graph=True)
    rows: list[Tensor] = []
    for sample in range(min(len(logits), most)):
        alone = torch.zeros_like(sent)
        alone[sample] = sent[sample]
        found = torch.autograd.grad(
            logits, [*parameters.values()], alone, retain_graph=True, allow_unused=True
        )
        if lost := [name for name, one in zip(parameters, found, strict=True) if one is None]:
            raise ValueError(f"no gradient comes to {lost[0]} by autograd.grad")
        size = sent[sample].double().norm()
        norms = torch.stack([each.double().norm() for each in found])
        rows.append(norms / torch.where(size > 0, size, torch.nan))
    return dict(zip(parameters, torch.stack(rows, 1), strict=True))
