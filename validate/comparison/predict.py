"""Predicts the gain of every segment from its term: pullback and bounds, on the realized tensors.

Takes activations and backward signals as given, never the gains that were measured.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from numeric import BlockNumbers, evaluate
from validate.comparison.first_weights import FirstWeights, first_weights
from validate.networks.build import Network


@dataclass(frozen=True)
class Prediction:
    """The numbers of one segment for the samples marked in `live` (batch,), whose backward signal
    is not exactly zero.

    None where there is no such sample; `weights` also where it has no convolution, or no law is
    asked for.
    """

    live: Tensor
    numbers: BlockNumbers | None
    weights: FirstWeights | None = None


@dataclass(frozen=True)
class Effort:
    """How the spectra are enclosed: number of Krylov steps, failure probability of an enclosure,
    seed of its random start.

    `laws`: whether the laws of random weights are wanted, and of which.
    """

    spectra: bool = True
    steps: int = 40
    delta: float = 1e-6
    seed: int = 0
    laws: Literal["none", "initial", "trained"] = "none"


def predict(
    network: Network, activations: tuple[Tensor, ...], signals: tuple[Tensor, ...], effort: Effort
) -> Iterator[Prediction]:
    """One prediction per segment of a float64 eval-mode copy of `network`, from h_{k−1} and
    ∂L/∂h_k: (batch, *shape) each, float64.

    Raises InputError for tensors that `numeric.evaluation.evaluate` refuses.
    """
    # Of its own, and not that of the measurement: the two share no code and no state.
    twin = copy.deepcopy(network).double().eval().requires_grad_(False)
    for (_, segment), x, g in zip(twin.chain(), activations[:-1], signals[1:], strict=True):
        live = g.flatten(start_dim=1).any(dim=1)
        if not live.any():
            yield Prediction(live, None)
            continue
        numbers = evaluate(
            segment.term,
            segment.leaves,
            x[live],
            g[live],
            spectra=effort.spectra,
            steps=effort.steps,
            delta=effort.delta,
            seed=effort.seed,
        )
        weights = (
            None
            if effort.laws == "none"
            else first_weights(segment, x[live], g[live], trained=effort.laws == "trained")
        )
        yield Prediction(live, numbers, weights)
