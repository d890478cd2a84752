"""Measures what is left of the gradient of a small random block as its branch is scaled by ε → 0.

Nothing of a plain block, all of a residual one, √l times the input signal of a dense step with l
inputs. Measured with autograd alone.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from derivations.errors import InputError
from numeric import square_root_law, vanishing_gain
from validate.measure.network_gains import measure, norm_ratio
from validate.networks.build import Network, initialize
from validate.networks.segments import DenseLayer, PlainBlock, ResidualBlock, SEResidualBlock
from validate.records.schema import VanishingRow

EPSILONS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.0)
SEEDS = (0, 1, 2, 3, 4)
DENSE_INPUTS = tuple(range(1, 13))
MAPS = 4
SIZE = 4
CLASSES = 10


class Scaled(nn.Module):
    """x ↦ ε·branch(x)."""

    def __init__(self, branch: nn.Module, epsilon: float) -> None:
        super().__init__()
        self.branch = branch
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return self.epsilon * self.branch(x)


def experiment() -> Iterator[VanishingRow]:
    """Every family, number of inputs, ε and seed."""
    cases = [
        ("plain", 1),
        ("residual", 1),
        ("se_residual", 1),
        *(("dense", inputs) for inputs in DENSE_INPUTS),
    ]
    for family, inputs in cases:
        limit = vanishing_gain(family) * square_root_law(inputs)
        for epsilon in EPSILONS:
            for seed in SEEDS:
                yield VanishingRow(
                    family=family,
                    inputs=inputs,
                    epsilon=epsilon,
                    seed=seed,
                    predicted=limit,
                    measured=gain(family, inputs, epsilon, seed),
                )


def gain(family: str, inputs: int, epsilon: float, seed: int) -> float:
    """‖∂L/∂x‖ / r, r the root mean square of the norms of the backward signals on the block's
    `inputs` inputs of equal width.

    The loss is the cross-entropy of a random linear classifier on the block's output; one sample of
    normal noise, float64.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        block = _block(family, inputs)
        block.branch = Scaled(block.branch, epsilon)
        outputs = MAPS * (inputs + 1 if family == "dense" else inputs)
        # A network of one block, so that the same measurement serves as for whole networks.
        network = Network(
            nn.Identity(),
            {"block": block},
            nn.Sequential(nn.Flatten(), nn.Linear(outputs * SIZE * SIZE, CLASSES)),
        )
    initialize(network, generator)
    x = torch.randn((1, MAPS * inputs, SIZE, SIZE), generator=generator, dtype=torch.float64)
    measurement = measure(network, x, torch.randint(CLASSES, (1,), generator=generator))
    before, after = measurement.signals
    on_inputs = after[:, -MAPS * inputs :]  # a dense step puts its new maps first
    return math.sqrt(inputs) * norm_ratio(before, on_inputs).item()


def _block(family: str, inputs: int) -> PlainBlock | ResidualBlock | SEResidualBlock | DenseLayer:
    match family:
        case "plain":
            return PlainBlock(MAPS, MAPS)
        case "residual":
            return ResidualBlock(MAPS, MAPS)
        case "se_residual":
            return SEResidualBlock(MAPS, MAPS, stride=1, size=SIZE, reduction=2)
        case "dense":
            return DenseLayer(MAPS * inputs, MAPS)
    raise InputError(f"unknown family {family!r}: choose from plain, residual, se_residual, dense")
