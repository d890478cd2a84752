"""Predicts the gain of every segment from its term: the symbolic pullback and the bounds, evaluated on the realized tensors.

Takes activations and backward signals as given, never the gains that were measured.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from numeric.bind import BlockNumbers, evaluate
from validate.models import Network


@dataclass(frozen=True)
class Prediction:
    """The numbers of one segment for the samples marked in `live` (batch,), whose backward signal is not exactly zero.

    None where there is no such sample.
    """

    live: Tensor
    numbers: BlockNumbers | None


@dataclass(frozen=True)
class Effort:
    """How the spectra are enclosed: number of Krylov steps, failure probability of an enclosure, seed of its random start."""

    spectra: bool = True
    steps: int = 40
    delta: float = 1e-6
    seed: int = 0


def predict(network: Network, activations: tuple[Tensor, ...], signals: tuple[Tensor, ...], effort: Effort) -> Iterator[Prediction]:
    """One prediction per segment of a float64 eval-mode copy of `network`, from h_{k−1} and ∂L/∂h_k: (batch, *shape) each, float64.

    Raises InputError for tensors that `numeric.bind` refuses.
    """
    twin = copy.deepcopy(network).double().eval().requires_grad_(False)
    for (_, segment), x, g in zip(twin.chain(), activations[:-1], signals[1:], strict=True):
        live = g.flatten(start_dim=1).any(dim=1)
        if not live.any():
            yield Prediction(live, None)
            continue
        numbers = evaluate(
            segment.term, segment.leaves, x[live], g[live], spectra=effort.spectra, steps=effort.steps, delta=effort.delta, seed=effort.seed
        )
        yield Prediction(live, numbers)
