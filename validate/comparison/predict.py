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

FAINT = 2.0**-918
"""Stated anew and not imported from the measurement. 104 binary digits above the least normal
number of float64: 52 for what counts beside the largest entry, 52 for what a block makes of it."""


@dataclass(frozen=True)
class Prediction:
    """The numbers of one segment for the samples marked in `live` (batch,), whose backward signal
    is not exactly zero and on neither side `faint` (batch,; None: nowhere).

    None where there is no such sample; `weights` also where it has no convolution, or no law is
    asked for.
    """

    live: Tensor
    numbers: BlockNumbers | None
    weights: FirstWeights | None = None
    faint: Tensor | None = None


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
    ∂L/∂h_k: (batch, *shape) each, float64. Of ∂L/∂h_{k−1} it sees no more than which are too small
    to be held against anything.

    Raises InputError for tensors that `numeric.evaluation.evaluate` refuses.
    """
    # Of its own, and not that of the measurement: the two share no code and no state.
    twin = copy.deepcopy(network).double().eval().requires_grad_(False)
    faint = [_is_faint(signal) for signal in signals]
    for k, (_, segment) in enumerate(twin.chain()):
        x, g, lost = activations[k], signals[k + 1], faint[k] | faint[k + 1]
        live = g.flatten(start_dim=1).any(dim=1) & ~lost
        if not live.any():
            yield Prediction(live, None, None, lost)
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
        yield Prediction(live, numbers, weights, lost)


def _is_faint(signal: Tensor) -> Tensor:
    """Whether the largest entry is not 0 but below FAINT: (batch,)."""
    largest = signal.flatten(start_dim=1).abs().amax(dim=1)
    return (largest > 0) & (largest < FAINT)
