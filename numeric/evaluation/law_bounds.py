"""Offers quantiles of a law of random weights as bounds of the gain: statements about draws.

Of certainty `law`: they hold of most draws of the weights that the law is about, each side with
probability ≥ 1 − δ/2, and say nothing of weights that were trained, or drawn otherwise.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from derivations.errors import InputError
from numeric.checks import described, is_dense
from numeric.evaluation.block_numbers import BoundNumbers
from numeric.laws.characteristic_inversion import Array
from numeric.laws.chi_square import GeneralizedChiSquare
from numeric.laws.draws import Draws, stated
from numeric.laws.law_quantiles import gain_quantiles
from numeric.tolerances import tolerances

ROUNDING = tolerances(torch.float32).rounding
"""How far a law's signal may be from the one at hand, relative to it: either may be float32."""


def law_bounds(
    law_of_square: GeneralizedChiSquare,
    signal_norm: Tensor,
    delta: float = 1e-6,
    *,
    condition: str | None = None,
) -> tuple[BoundNumbers, BoundNumbers]:
    """The bounds from below and from above that hold γ together with probability ≥ 1 − delta.

    `law_of_square` holds one law of ‖∂L/∂x‖² per sample, as `numeric.laws` makes them, signal_norm
    > 0 (batch,) is ‖∂L/∂H‖; each bound states its own δ/2. `condition` says of which weights a law
    is that states none of its own. The values are of the dtype of signal_norm, rounded outward.
    Raises InputError for a law of another signal, and where it has no quantiles that are known to
    be conservative.
    """
    check_laws(law_of_square, signal_norm)
    if signal_norm.shape != law_of_square.batch:
        raise InputError(
            f"norms of the signals {described(signal_norm)} do not go with a batch of laws "
            f"{law_of_square.batch}: give one for each law"
        )
    allowed = tolerances(signal_norm.dtype).rounding
    lower, upper = gain_quantiles(law_of_square, signal_norm, delta)
    draws = law_of_square.draws
    if draws is not None and draws.signal is not None:
        own = torch.from_numpy(np.linalg.norm(draws.signal, axis=-1))
        _same(own[:, None], signal_norm.reshape(-1, 1))
    reason = f"quantile of the law of ‖∂L/∂x‖²; holds for {_condition(law_of_square, condition)}"
    dtype, device = signal_norm.dtype, signal_norm.device
    low = outward(lower * (1 - allowed), dtype, upward=False).to(device)
    high = outward(upper * (1 + allowed), dtype, upward=True).to(device)
    return (
        BoundNumbers("law.lower", "lower", "law", delta / 2, low, reason),
        BoundNumbers("law.upper", "upper", "law", delta / 2, high, reason),
    )


def outward(values: Array, dtype: torch.dtype, *, upward: bool) -> Tensor:
    """Numbers of the dtype on that side of the values: a lower one is finite, whatever they are."""
    exact = torch.from_numpy(np.asarray(values))
    found = exact.to(dtype)
    side = torch.full_like(found, torch.inf if upward else -torch.inf)
    inside = found.double() < exact if upward else found.double() > exact
    return torch.where(inside, torch.nextafter(found, side), found)


def _condition(law: GeneralizedChiSquare, given: str | None) -> str:
    if law.draws is None and given is None:
        raise InputError(
            "this law does not say of which weights it is: make it by numeric.laws, or give "
            "law_bounds its condition"
        )
    if law.draws is not None and given is not None:
        raise InputError(
            f"this law is of {law.draws.condition}: give no other condition, or make another law"
        )
    return stated(given) if law.draws is None else law.draws.condition


def check_laws(law_of_square: object, of: object) -> None:
    """Refuses what is no batch of laws with one for each sample of a tensor (batch, …)."""
    if not isinstance(law_of_square, GeneralizedChiSquare):
        raise InputError(
            f"a law of ‖∂L/∂x‖² is {described(law_of_square)}: give one that numeric.laws makes"
        )
    if not (isinstance(of, Tensor) and is_dense(of)) or law_of_square.batch != of.shape[:1]:
        raise InputError(
            f"a batch of laws {law_of_square.batch} does not go with {described(of)}: give a "
            "tensor with one sample for each law"
        )


def check_signal(law: GeneralizedChiSquare, g: Tensor) -> Draws:
    """What the law holds for; refuses one that is of another signal than g (batch, m)."""
    draws = law.draws
    if draws is None:
        raise InputError(
            "this law does not say of which weights and signal it is: make it by numeric.laws"
        )
    if draws.signal is None:
        raise InputError("this law is of no known signal: make it with signal=∂L/∂H, as g here")
    _same(torch.from_numpy(draws.signal), g)
    return draws


def check_beside(draws: Draws, fixed: Tensor, random: Sequence[Tensor]) -> None:
    """Refuses a law whose v is not what reaches x beside some of the `random` addends.

    fixed: (batch, n), the addends without weights.
    """
    own, fixed = torch.from_numpy(draws.beside), fixed.double().cpu()
    random = [each.double().cpu() for each in random]
    if own.shape == fixed.shape:
        for count in range(len(random)):
            for others in combinations(random, count):
                beside = sum(others, start=fixed)
                size = beside.abs() + sum(each.abs() for each in others) + fixed.abs()
                if _near(own, beside, size):
                    return
    raise InputError(
        "this law is of another block: its v is not what reaches x here beside the weights, as g "
        "by a skip connection, and 0 without one; make it with that v"
    )


def _same(own: Tensor, given: Tensor) -> None:
    here = given.detach().double().cpu()
    if own.shape != here.shape or not _near(own, here, here.abs()):
        raise InputError(
            "this law is of another signal: make it of ∂L/∂H at this block, or give it that as "
            "signal= where its h is another one"
        )


def _near(own: Tensor, other: Tensor, size: Tensor) -> bool:
    """Whether rows agree, relative to the largest of the sizes in each."""
    if not own.shape[1]:
        return True
    return bool(((own - other).abs().amax(1) <= ROUNDING * size.amax(1)).all())
