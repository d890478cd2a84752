"""Splits the gradient of a dense step by the inputs that its state concatenates.

Eqs. (5) and (6) on real tensors, for x₀ … x_{l−1}. The square root law and the limits are evaluated
from the derived expressions, not typed again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
import torch
from torch import Tensor

from derivations.algebra.blocks import block
from derivations.algebra.letters import LAYERS
from derivations.algebra.notation import notation_of
from derivations.errors import InputError
from derivations.rules.bounds import bounds
from derivations.theorems.equations import SIGNAL_SIZE, equations
from numeric.checks import check_input
from numeric.operators.vector_norms import norm
from numeric.settings import whole


@dataclass(frozen=True)
class InputParts:
    """Per sample and input i: ‖∂L/∂x_i‖₂ and ‖g_i‖₂, (batch, l) each.

    rms: (batch,) r = √(Σ ‖g_i‖² / l), what the paper calls |∂L/∂H|; left: (batch,) √l · r = ‖g_y‖,
    what is left of ‖∂L/∂x‖ as the branch vanishes.
    """

    gradients: Tensor
    signals: Tensor
    rms: Tensor
    left: Tensor


def input_parts(pullback: Tensor, signal: Tensor, sizes: Sequence[int]) -> InputParts:
    """Splits ∂L/∂y and g_y, (batch, N) each and flat, into l inputs of `sizes` entries.

    Raises InputError if the shapes differ, the sizes do not add up to N, or a number is not finite.
    """
    for tensor in (pullback, signal):
        check_input(tensor)
    sizes = [whole(size, "the size of an input") for size in sizes]
    if pullback.shape != signal.shape or pullback.dim() != 2 or sum(sizes) != pullback.shape[1]:
        raise InputError(
            f"cannot split {tuple(pullback.shape)} and {tuple(signal.shape)} by {sizes}: give "
            "two (batch, N) and sizes of sum N"
        )
    gradients, signals = (
        torch.stack([norm(part) for part in whole.split(list(sizes), 1)], 1)
        for whole in (pullback, signal)
    )
    rms = norm(signals) / len(sizes) ** 0.5
    return InputParts(gradients, signals, rms, rms * square_root_law(len(sizes)))


@lru_cache
def square_root_law(inputs: int) -> float:
    """What Eq. (6) leaves of ‖∂L/∂x‖ / |∂L/∂H| for l inputs as the branch vanishes.

    Read from its derived limit.
    """
    inputs = whole(inputs, "the number of inputs of a dense step")
    equation = next(e for e in equations() if (e.id, e.reading) == ("eq6", "scalar"))
    limit = equation.derivation.steps[-1]
    return float(limit.after.subs({LAYERS: inputs, SIGNAL_SIZE: 1}))


@lru_cache
def vanishing_gain(name: str) -> float:
    """The gain that a named block is left with as its branch vanishes.

    It is relative to the base of its structure's bounds. Raises InputError for an unknown block,
    and if the limits of those bounds are not one number.
    """
    found = bounds(notation_of(block(name), "operator"))
    theorem = found.structural or found.singular  # one theorem: others have other bases
    limits = {bound.limit for bound in theorem.bounds if bound.limit.is_number}
    if len(limits) != 1:
        raise InputError(
            f"the bounds of {name} do not close as the branch vanishes: their limits are {limits}"
        )
    return float(sp.N(limits.pop()))
