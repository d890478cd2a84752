"""Relates a dense layer's weight gradient to the signals and inputs that meet in it, exactly.

u = W h at every place p (a sample, or a position of one), g = ∂L/∂u: ∂L/∂W = Σ_p g_p h_pᵀ. Proved
as every_loss.grams and every_loss.euler.
"""

import torch
from torch import Tensor

from derivations.errors import InputError


def gradient_norm(signals: Tensor, inputs: Tensor) -> Tensor:
    """‖∂L/∂W‖_F of each batch from signals (batch, places, out) and inputs (batch, places, in), in
    float64, without forming it: its square is Σ_{p,q} ⟨g_p, g_q⟩⟨h_p, h_q⟩.
    """
    if signals.dim() != 3 or inputs.dim() != 3 or signals.shape[:2] != inputs.shape[:2]:
        raise InputError(
            f"signals {tuple(signals.shape)} and inputs {tuple(inputs.shape)}: give (batch, "
            "places, entries) of the same places"
        )
    (g, a), (h, b) = (_scaled(each) for each in (signals, inputs))
    square = ((g @ g.mT) * (h @ h.mT)).sum((1, 2))
    return square.clamp(min=0).sqrt() * a * b


def along_weight(signals: Tensor, values: Tensor) -> Tensor:
    """⟨∂L/∂W, W⟩ of each batch, (batch,) float64, which is ⟨∂L/∂u, u⟩ = Σ_p ⟨g_p, u_p⟩; u = W h
    without the bias, both (batch, …).
    """
    if signals.shape != values.shape:
        raise InputError(f"signals {tuple(signals.shape)} are not of values {tuple(values.shape)}")
    return (signals.double() * values.double()).flatten(1).sum(1)


def _scaled(v: Tensor) -> tuple[Tensor, Tensor]:
    """Entries of order one, and the factor (batch,): no square under- or overflows."""
    size = v.double().abs().flatten(1).amax(1)
    factor = torch.where(size > 0, size, 1.0)
    return v.double() / factor[:, None, None], factor
