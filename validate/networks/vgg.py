"""Builds VGG-11 to VGG-19 (Simonyan & Zisserman 2015, Table 1: A, B, D, E) for images of any size.

At 32 pixels VGG-19 is that of Table A1. Every convolution has a bias and its ReLU; without batch
normalization. Each is a plain block, and so is each pooling.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from derivations.errors import InputError
from numeric import Network, Segment
from validate.networks.segments import Plain

Stage = tuple[int, int]
"""(number of convolutions, number of maps), followed by a 2×2 max pooling."""

MAPS = (64, 128, 256, 512, 512)
CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
STAGES: dict[int, tuple[Stage, ...]] = {
    depth: tuple(zip(counts, MAPS, strict=True)) for depth, counts in CONVOLUTIONS.items()
}
HIDDEN = 4096


@dataclass(frozen=True)
class Settings:
    """Number of classes, input channels, and height and width of the input."""

    num_classes: int = 10
    in_channels: int = 3
    image_size: int = 32

    def __post_init__(self) -> None:
        if min(self.num_classes, self.in_channels) < 1 or self.image_size < 2 ** len(MAPS):
            raise InputError(
                f"VGG needs at least 1 class, 1 channel and {2 ** len(MAPS)} pixels, not {self}"
            )


def vgg(settings: Settings, stages: Sequence[Stage]) -> Network:
    """Convolutions in `stages`, then three fully connected layers 4096, 4096, num_classes. The stem
    is the first convolution.
    """
    segments: dict[str, Segment] = {}
    inputs = settings.in_channels
    for stage, (convolutions, maps) in enumerate(stages, start=1):
        for layer in range(1, convolutions + 1):
            segments[f"conv{stage}_{layer}"] = Plain(
                nn.Sequential(nn.Conv2d(inputs, maps, 3, padding=1), nn.ReLU())
            )
            inputs = maps
        segments[f"pool{stage}"] = Plain(nn.MaxPool2d(2))
    stem = segments.pop("conv1_1")
    features = inputs * (settings.image_size // 2 ** len(stages)) ** 2
    head = nn.Sequential(
        nn.Flatten(),
        nn.Linear(features, HIDDEN), nn.ReLU(), nn.Dropout(),
        nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Dropout(),
        nn.Linear(HIDDEN, settings.num_classes),
    )  # fmt: skip
    return Network(stem, segments, head)
