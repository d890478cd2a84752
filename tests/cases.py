"""The table of example blocks: torch maps for the leaves of every named block."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

CHANNELS, SIZE = 4, 3


def leaves(seed: int = 0) -> dict[str, Callable[[Tensor], Tensor]]:
    """A map for every leaf of every named block, on images (batch, 4, 3, 3), float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made: dict[str, Callable[[Tensor], Tensor]] = {
            "F": weighted(),
            "P": lambda u: u.mean((2, 3)),
            "W_1": nn.Linear(CHANNELS, 2).double(),
            "relu": torch.relu,
            "W_2": nn.Linear(2, CHANNELS).double(),
            "sigmoid": torch.sigmoid,
            "B": lambda s: s[:, :, None, None].expand(-1, -1, SIZE, SIZE),
            "W_s": nn.Conv2d(CHANNELS, CHANNELS, 1).double(),
            "s": nn.Sequential(weighted(), nn.Sigmoid()),
            "T": nn.Sequential(weighted(), nn.Sigmoid()),
        }
        made |= {f"F_{index}": weighted() for index in (1, 2, 3)}
    return made


def weighted() -> nn.Module:
    """A smooth branch that keeps the shape."""
    return nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), nn.Tanh()).double()


def layers(seed: int = 0) -> dict[str, nn.Module]:
    """The same maps, every one a torch layer in eval mode."""
    pool, spread = (
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Sequential(nn.Unflatten(1, (CHANNELS, 1, 1)), nn.Upsample(SIZE)),
    )
    made = leaves(seed) | {"P": pool, "relu": nn.ReLU(), "sigmoid": nn.Sigmoid(), "B": spread}
    return {name: layer.eval() for name, layer in made.items() if isinstance(layer, nn.Module)}
