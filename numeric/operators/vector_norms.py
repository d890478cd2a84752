"""Measures vectors: per-sample 2-norms, inner products and cosines over all non-batch dimensions.

Scales first, then squares: ‖g‖ neither underflows near 1e-23 in float32 nor overflows. Never
imports a network or a term.
"""

import torch
from torch import Tensor

from derivations.errors import InputError
from numeric.checks import described, is_dense
from numeric.tolerances import TOLERANCES


def norm(v: Tensor) -> Tensor:  # (batch, *shape) -> (batch,)
    """‖v‖₂ of every sample, in the dtype of v, float32 or float64.

    Raises InputError if v is empty, or it or its norm not finite.
    """
    flat = _flat(v)
    lengths = _length(flat)
    least, greatest = lengths.aminmax()
    # Most vectors need no scaling: no square that matters to such a length has underflowed.
    if least > torch.finfo(v.dtype).tiny ** 0.25 and greatest < torch.inf:
        return lengths
    direction, scale = _scaled(v)
    return _finite(_length(direction) * scale)


def inner(u: Tensor, v: Tensor) -> Tensor:  # (batch, *shape) twice -> (batch,)
    """⟨u, v⟩ of every sample.

    Raises InputError if the shapes or dtypes differ, they are empty, or a number is not finite.
    """
    (u, u_scale), (v, v_scale) = _scaled_pair(u, v)
    return _finite((u * v).sum(1) * u_scale * v_scale)


def cosine(u: Tensor, v: Tensor) -> Tensor:  # (batch, *shape) twice -> (batch,)
    """cos∠(u, v) of every sample, in [−1, 1], and 0 where u or v is zero.

    Raises InputError like `inner`.
    """
    (u, _), (v, _) = _scaled_pair(u, v)
    lengths = _length(u) * _length(v)
    return ((u * v).sum(1) / torch.where(lengths > 0, lengths, 1)).clamp(-1, 1)


def _scaled_pair(u: Tensor, v: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    pair = _scaled(u), _scaled(v)
    if u.shape != v.shape or u.dtype != v.dtype:
        raise InputError(
            f"cannot pair vectors {tuple(u.shape)} of {u.dtype} and {tuple(v.shape)} of "
            f"{v.dtype}: they must be alike"
        )
    return pair


def _scaled(v: Tensor) -> tuple[Tensor, Tensor]:
    """v flattened to (batch, n) and divided by its largest magnitude, and that magnitude.

    The magnitude is 1 for a zero sample.
    """
    flat = _flat(v)
    peak = _finite(flat.abs().amax(1))
    scale = torch.where(peak > 0, peak, 1)
    return flat / scale[:, None], scale


def _flat(v: Tensor) -> Tensor:  # (batch, *shape) -> (batch, n)
    if (
        not isinstance(v, Tensor)
        or v.dtype not in TOLERANCES
        or not is_dense(v)
        or v.dim() == 0
        or v.numel() == 0
        or v.is_meta
    ):
        raise InputError(
            f"cannot measure {described(v)}: give a dense float32 or float64 tensor (batch, ...) "
            "with at least one entry"
        )
    return v.detach().reshape(v.shape[0], -1)


def _length(direction: Tensor) -> Tensor:
    return direction.square().sum(1).sqrt()


def _finite(values: Tensor) -> Tensor:
    if not values.isfinite().all():
        raise InputError(
            "a vector's entries or its norm are not finite: rescale the input or use float64"
        )
    return values
