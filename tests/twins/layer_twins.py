"""Layers with drawn weights, their norms by the dense twin, and the bound that large ones get."""

from unittest.mock import patch

from strategies import gaussian
from torch import nn
from twins import dense_twin

from numeric.certified import layer_lipschitz


def built(layer: nn.Module, seed: int = 0) -> nn.Module:
    """In double precision and eval mode, weights standard normal."""
    for index, weight in enumerate(layer.parameters()):
        weight.data = gaussian(*weight.shape, seed=seed + index)
    return layer.double().eval()


def norm(layer: nn.Module, shape: tuple[int, ...], seed: int = 0) -> float:
    """‖J‖₂ at a drawn input, by the dense twin."""
    return dense_twin.sigma_max(dense_twin.jacobian(layer, gaussian(1, *shape, seed=seed))).item()


def by_frequency(layer: nn.Module, shape: tuple[int, ...]) -> float:
    """The bound that a layer too large to be written out gets."""
    with patch.object(layer_lipschitz, "WRITTEN_OUT", 0):
        return layer_lipschitz.lipschitz_upper(layer, shape)
