"""Holds the one table of numerical tolerances, per dtype.

Every entry is relative to the norm of the operator or vector at hand. Never imports a network or a
term.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from derivations.errors import InputError


@dataclass(frozen=True)
class Tolerances:
    """Relative tolerances of one dtype.

    eps: spacing of floats at 1. adjoint: |⟨Jv,u⟩ − ⟨v,Jᵀu⟩| relative to ‖Jv‖‖u‖ + ‖v‖‖Jᵀu‖.
    identity: error of an exact identity evaluated through autograd. rounding: allowance on a Ritz
    value. breakdown: a Krylov vector this short is rounding noise, and its direction carries no
    information.
    """

    eps: float
    adjoint: float
    identity: float
    rounding: float
    breakdown: float


def _from_eps(eps: float) -> Tolerances:
    return Tolerances(
        eps=eps, adjoint=32 * eps, identity=128 * eps, rounding=128 * eps, breakdown=64 * eps
    )


TOLERANCES: Mapping[torch.dtype, Tolerances] = {
    dtype: _from_eps(torch.finfo(dtype).eps) for dtype in (torch.float32, torch.float64)
}


def tolerances(dtype: torch.dtype) -> Tolerances:
    """The tolerances of float32 or float64; raises InputError for any other dtype."""
    if dtype not in TOLERANCES:
        raise InputError(
            f"{dtype} is not supported: convert the function and its input to float32 or float64"
        )
    return TOLERANCES[dtype]
