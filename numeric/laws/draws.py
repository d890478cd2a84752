"""States of a law for which draws of the weights it holds, and of which signal it is."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from derivations.errors import InputError
from numeric.checks import described, is_dense
from numeric.laws.characteristic_inversion import Array

OF_SIGNAL = "independent of the signal"
OF_MASK = "independent of the signal and of where φ is active"
OF_SLOPES = "independent of the signal and of the slopes φ′(x)"


@dataclass(frozen=True)
class Draws:
    """`condition` says of which weights the law is, in words that go behind "holds for".

    signal: (*batch, m) ∂L/∂H of the block, that gains are relative to; None where it is not known.
    beside: (*batch, n) what reaches x beside the random weights.
    """

    condition: str
    signal: Array | None
    beside: Array

    def __post_init__(self) -> None:
        stated(self.condition)

    def take(self, kept: npt.NDArray[np.bool_]) -> "Draws":
        """Of the laws for which `kept` (*batch,) is true."""
        signal = None if self.signal is None else self.signal[kept]
        return Draws(self.condition, signal, self.beside[kept])


def stated(condition: object) -> str:
    """Refuses what states no condition."""
    if not isinstance(condition, str) or not condition.strip():
        raise InputError(
            f"the condition of a law is {condition!r}: say in words of which weights it is"
        )
    return condition


def drawn(weight_std: float, rest: str) -> str:
    """Weights of this deviation, and what else is known of them."""
    return f"weights drawn as N(0, {weight_std:g}²), {rest}"


class _Law(Protocol):
    @property
    def batch(self) -> tuple[int, ...]: ...

    def of_draws(self: "_Made", draws: Draws) -> "_Made": ...


_Made = TypeVar("_Made", bound=_Law)


def of_draws(
    law: _Made,
    condition: str,
    h: Tensor | None,
    v: Tensor,
    signal: Tensor | None,
) -> _Made:
    """The law with its condition; its signal is h, as in a plain and a residual block, if it is not
    given.
    """
    whole = h if signal is None else signal
    own = None if whole is None else _rows(whole, "signal", law)
    return law.of_draws(Draws(condition, own, _rows(v, "v", law)))


def _rows(tensor: Tensor, name: str, law: _Law) -> Array:
    axes = len(law.batch)
    if not (isinstance(tensor, Tensor) and is_dense(tensor)) or tensor.shape[:axes] != law.batch:
        raise InputError(f"{name} is {described(tensor)}: give one row for each law of {law.batch}")
    rows = np.array(tensor.detach().double().cpu().numpy())
    if not np.isfinite(rows).all():
        raise InputError(f"{name} has entries that are not finite: give ∂L/∂H of the block")
    return rows.reshape(*law.batch, -1)
