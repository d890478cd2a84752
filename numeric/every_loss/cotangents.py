"""Gives the directions a = ∂L/∂z that losses of a class can send into the logits.

Differences of two logits are exact in every precision, so what is made of them keeps a ⊥ 1.
"""

import torch
from torch import Tensor

from derivations.errors import InputError
from numeric.checks import is_dense


def sum_zero(logits: Tensor) -> Tensor:
    """(batch, K, K − 1): e_k − e_t for every k but t, the sample's largest logit; they span 1⊥.

    The largest, because hard labels' signals r⁽ʸ⁾ − e_y are then sums without cancellation.
    """
    batch, classes = logits.shape
    if classes < 2:
        raise InputError("one logit has no signals that sum to zero: ask for basis='all'")
    top = logits.detach().argmax(1)
    others = others_of(top, classes)
    made = torch.zeros(batch, classes, classes - 1, dtype=torch.float64, device=logits.device)
    made.scatter_(1, others[:, None], 1.0)
    return made.scatter_(1, top[:, None, None].expand(-1, 1, classes - 1), -1.0)


def everything(logits: Tensor) -> Tensor:
    """(batch, K, K): the columns of `sum_zero`, then 1."""
    batch, classes = logits.shape
    ones = torch.ones(batch, classes, 1, dtype=torch.float64, device=logits.device)
    return torch.cat([sum_zero(logits), ones], 2) if classes > 1 else ones


def hard_labels(logits: Tensor, labels: Tensor) -> Tensor:
    """(batch, K, S): r⁽ʸ⁾ − e_y for every label y of `labels` (S,) or (batch, S), r⁽ʸ⁾ the softmax
    over the other classes: ∂L/∂z of the cross-entropy but for its length 1 − p_y, exactly.
    """
    batch, classes = logits.shape
    if not isinstance(labels, Tensor) or labels.is_meta or labels.is_floating_point():
        raise InputError("labels must be a tensor of whole numbers")
    chosen = labels.to(logits.device).long()
    chosen = chosen.expand(batch, -1) if chosen.dim() == 1 else chosen
    if classes < 2:
        raise InputError("one logit has no hard labels: ask for the class 'all'")
    if chosen.dim() != 2 or len(chosen) != batch or not chosen.numel():
        raise InputError(f"labels {tuple(labels.shape)}: give (S,) or (batch, S)")
    if not ((chosen >= 0) & (chosen < classes)).all():
        raise InputError(f"a label is none of 0 … {classes - 1}")
    spread = logits.detach().double()[:, :, None].expand(-1, -1, chosen.shape[1])
    others = spread.scatter(1, chosen[:, None], -torch.inf).softmax(1)
    return others.scatter(1, chosen[:, None], -1.0)


def surprise(logits: Tensor) -> Tensor:
    """1 − p_y of every class y, (batch, K), without cancellation: the length of its signal."""
    size = logits.detach().double()
    classes = size.shape[1]
    others = (
        size[:, None]
        .expand(-1, classes, -1)
        .masked_fill(torch.eye(classes, dtype=torch.bool, device=size.device), -torch.inf)
    )
    return (others.logsumexp(2) - size.logsumexp(1, keepdim=True)).exp()


def check_directions(given: object, name: str) -> Tensor:
    """The tensor, where it is real floating point, finite and holds numbers; else InputError."""
    if (
        not isinstance(given, Tensor)
        or not is_dense(given)
        or given.is_meta
        or not given.is_floating_point()
        or not given.numel()
        or not given.isfinite().all()
    ):
        raise InputError(f"{name} must be a tensor of finite floating-point numbers, not empty")
    return given.detach()


def others_of(top: Tensor, classes: int) -> Tensor:
    """(batch, K − 1): every class but `top` (batch,), in order."""
    places = torch.arange(classes - 1, device=top.device).expand(len(top), -1)
    return places + (places >= top[:, None])
