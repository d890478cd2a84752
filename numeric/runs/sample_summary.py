"""Says in three numbers what a tensor holds of many samples, and how one number is written."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

DIGITS = 4
_ROUNDING = {"lower": ROUND_FLOOR, "upper": ROUND_CEILING}
HEAD = ("least", "median", "greatest")


def written(value: float, side: str = "") -> str:
    """In four digits; a dash for NaN, which says that there is none.

    The value of a bound, of the side "lower" or "upper", is never rounded to one that says more.
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    found = Decimal(value).normalize(Context(prec=DIGITS, rounding=_ROUNDING.get(side)))
    return f"{float(found):.{DIGITS}g}".replace("-", "−")


def spread_of(values: Tensor | npt.NDArray[np.float64], side: str = "") -> tuple[str, str, str]:
    """The least, the median and the greatest that are not NaN, as `written`."""
    known = torch.as_tensor(values).detach().flatten().double()
    known = known[~known.isnan()]
    if not known.numel():
        return ("–", "–", "–")
    ends = (known.min(), known.quantile(0.5), known.max())
    least, median, greatest = (written(each.item(), side) for each in ends)
    return least, median, greatest


def between(lower: Tensor, upper: Tensor, what: str = "gain") -> tuple[tuple[str, ...], ...]:
    """Two rows of a table: what lies between these, sample by sample."""
    least, most = spread_of(lower, "lower"), spread_of(upper, "upper")
    return (f"{what} ≥", *least), (f"{what} ≤", *most)


def samples(count: int) -> str:
    """How many, in words."""
    return "1 sample" if count == 1 else f"{count} samples"


def without_gain(live: Tensor) -> tuple[str, ...]:
    """A line on the samples whose signal is exactly zero; none where there are none."""
    gone = (~live).nonzero()[:, 0].tolist()
    return (f"no gain, for the signal is exactly zero: {samples(len(gone))}",) if gone else ()
