"""Bounds how much a network can stretch at a point or near it, from its Jacobian written out."""

import math
from functools import partial

import torch
from torch import Tensor, nn

from derivations.errors import InputError
from numeric.certified.enclosed_layers import Run, run
from numeric.certified.enclosed_point import check_stored
from numeric.certified.enclosed_tensors import Enclosed
from numeric.certified.layer_lipschitz import lipschitz_upper
from numeric.certified.matrix_norms import check_subnormals, spectral_norm_upper
from numeric.checks import call
from numeric.settings import between

MOST_ENTRIES = 1 << 25
"""Entries of the largest Jacobian that is written out: half a gigabyte with its radii."""


@torch.inference_mode(False)
@torch.no_grad()
def local_lipschitz_upper(layer: nn.Module, x: Tensor, radius: float = 0.0) -> Tensor:
    """No less than ‖J(x′)‖₂ at every x′ whose entries are within `radius` of those of x.

    x is (batch, *in), the result (batch,) float64. With a radius it bounds the Lipschitz constant
    on that box, and so on the ball of that radius. The layer may be a sequence of layers, in eval
    mode. At a point it is exact up to rounding; over a box slopes and products of them are enclosed
    entry by entry, and where that is worse `lipschitz_upper` is taken. A ReLU's slope at 0 is 0, as
    in torch. Raises InputError for a Jacobian too large to be written out, and for tensors or
    layers that do not fit, UnknownNodeError for a layer without a rule.
    """
    check_subnormals()
    check_stored(x)
    if radius != 0:
        between(radius, "the radius of a box")
    found = [_bounded(layer, x[i : i + 1], float(radius)) for i in range(len(x))]
    everywhere = lipschitz_upper(layer, tuple(x.shape[1:])) if radius else math.inf
    return torch.tensor(found, dtype=torch.float64).clamp(max=everywhere)


def _bounded(layer: nn.Module, x: Tensor, radius: float) -> float:
    here = _run(layer, x, radius)
    inputs, outputs = x.numel(), here.value.mid.numel()
    if inputs * outputs > MOST_ENTRIES:
        raise InputError(
            f"a Jacobian of {outputs} × {inputs} is too large to be written out: take fewer layers "
            "at once, or lipschitz_upper, which multiplies their norms"
        )
    # By its rows or its columns, whichever are fewer.
    if outputs < inputs:
        rows = _run(layer, x.expand(outputs, *x.shape[1:]), radius)
        jacobian = rows.pull(_units(outputs, here.value.shape)).view(1, outputs, inputs)
    else:
        jacobian = here.push(_units(inputs, x.shape)).view(1, inputs, outputs)
    beyond = spectral_norm_upper(jacobian.rad)  # |E| ≤ R entry by entry, so ‖E‖₂ ≤ ‖R‖₂
    return spectral_norm_upper(jacobian.mid, beyond).item()


def _run(layer: nn.Module, x: Tensor, radius: float) -> Run:
    stored = Enclosed.exactly(x)
    box = Enclosed(stored.mid, torch.full_like(stored.mid, radius))
    return call(partial(run, layer, dtype=x.dtype), box, type(layer).__name__)


def _units(count: int, shape: torch.Size) -> Enclosed:
    return Enclosed.exactly(torch.eye(count, dtype=torch.float64).view(count, *shape[1:]))
