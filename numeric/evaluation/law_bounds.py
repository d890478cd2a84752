"""Offers quantiles of a law of random weights as bounds of the gain: statements about draws.

Of certainty `law`: they hold of most draws of the weights that the law is about, each side with
probability ≥ 1 − δ/2, and say nothing of weights that were trained, or drawn otherwise.
"""

import torch
from torch import Tensor

from derivations.errors import InputError
from numeric.checks import described, is_dense
from numeric.evaluation.block_numbers import BoundNumbers
from numeric.laws.chi_square import GeneralizedChiSquare
from numeric.laws.law_quantiles import gain_quantiles
from numeric.tolerances import tolerances

INDEPENDENT = "weights drawn as N(0, s²), independent of the signal"


def law_bounds(
    law_of_square: GeneralizedChiSquare,
    signal_norm: Tensor,
    delta: float = 1e-6,
    *,
    condition: str = INDEPENDENT,
) -> tuple[BoundNumbers, BoundNumbers]:
    """The bounds from below and from above that hold γ together with probability ≥ 1 − delta.

    `law_of_square` holds one law of ‖∂L/∂x‖² per sample, as `numeric.laws` makes them, signal_norm
    > 0 (batch,) is ‖∂L/∂H‖; each bound states its own δ/2. `condition` says of which weights the
    law is: by default `INDEPENDENT`, for a conditional law what is given. The values are of the
    dtype of signal_norm, rounded outward. Raises InputError where the law has no quantiles that are
    known to be conservative.
    """
    check_laws(law_of_square, signal_norm)
    if signal_norm.shape != law_of_square.batch:
        raise InputError(
            f"norms of the signals {described(signal_norm)} do not go with a batch of laws "
            f"{law_of_square.batch}: give one for each law"
        )
    allowed = tolerances(signal_norm.dtype).rounding
    ends = gain_quantiles(law_of_square, signal_norm, delta)
    lower, upper = (torch.from_numpy(end) for end in ends)
    reason = f"quantile of the law of ‖∂L/∂x‖²; holds for {condition}"
    return (
        BoundNumbers(
            "law.lower", "lower", "law", delta / 2, (lower * (1 - allowed)).to(signal_norm), reason
        ),
        BoundNumbers(
            "law.upper", "upper", "law", delta / 2, (upper * (1 + allowed)).to(signal_norm), reason
        ),
    )


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
