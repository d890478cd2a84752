"""Bounds how much a network can stretch at a point or near it."""

import math

import torch
from torch import Tensor, nn

from derivations.errors import InputError
from numeric.certified.compositions.affine_forms import Step, steps
from numeric.certified.compositions.joint_bounds import joint_norm_upper
from numeric.certified.enclosed_point import check_stored
from numeric.certified.enclosed_tensors import Enclosed
from numeric.certified.layer_lipschitz import lipschitz_upper
from numeric.certified.matrix_norms import check_subnormals, enclosed_norm_upper
from numeric.checks import call
from numeric.settings import between

MOST_ENTRIES = 1 << 24
"""Entries of the largest Jacobian that is written out, 4096 × 4096: 2.3 GiB, and three minutes of
one core."""


@torch.inference_mode(False)
@torch.no_grad()
def local_lipschitz_upper(
    layer: nn.Module, x: Tensor, radius: float = 0.0, norm: float = math.inf
) -> Tensor:
    """No less than ‖J(x′)‖₂ at every x′ within `radius` of x.

    x is (batch, *in), the result (batch,) float64. Within a radius: entry by entry, or with `norm`
    2 in Euclidean distance; it bounds the Lipschitz constant (between Euclidean norms) on that box
    or ball. The layer may be a sequence of layers, in eval mode. At a point it is exact up to
    rounding. Over a box it is the least of three bounds: that of the Jacobian with its entries
    enclosed, that of the layers together with multipliers for the slopes that may vary, and
    `lipschitz_upper`. A ReLU's slope at 0 is 0, as in torch. Raises InputError for a Jacobian too
    large to be written out, and for tensors or layers that do not fit, UnknownNodeError for a layer
    without a rule.
    """
    check_subnormals()
    check_stored(x)
    if radius != 0:
        between(radius, "the radius of a box or ball")
    if norm not in (2, math.inf):
        raise InputError(f"the norm of a radius is {norm!r}: give 2 or math.inf")
    found = [_bounded(layer, x[i : i + 1], float(radius), norm) for i in range(len(x))]
    everywhere = lipschitz_upper(layer, tuple(x.shape[1:])) if radius else math.inf
    return torch.tensor(found, dtype=torch.float64).clamp(max=everywhere)


def _bounded(layer: nn.Module, x: Tensor, radius: float, norm: float) -> float:
    near = call(lambda stored: steps(layer, stored, radius, norm, x.dtype), x, type(layer).__name__)
    inputs, outputs = x.numel(), near[-1].here.value.mid.numel() if near else x.numel()
    if inputs * outputs > MOST_ENTRIES:
        raise InputError(
            f"a Jacobian of {outputs} × {inputs} is too large to be written out: take fewer layers "
            "at once, or lipschitz_upper, which multiplies their norms"
        )
    written = enclosed_norm_upper(_jacobian(near, x.shape, outputs))
    return min(written, joint_norm_upper(near, x.shape))


def _jacobian(steps: list[Step], shape: torch.Size, outputs: int) -> Enclosed:
    """All Jacobians for slopes in their ranges, by rows or by columns, whichever are fewer."""
    inputs = shape[1:].numel()
    by_rows = outputs < inputs
    count, ends = (outputs, steps[-1].here.value.shape) if by_rows else (inputs, shape)
    v = Enclosed.exactly(torch.eye(count, dtype=torch.float64).view(count, *ends[1:]))
    for step in reversed(steps) if by_rows else steps:
        if step.slopes is not None:
            v = v * step.slopes
        else:
            v = step.here.pull(v) if by_rows else step.here.push(v)
    return v.view(count, -1)
