"""Builds VGG-19 (Simonyan & Zisserman 2015, configuration E) for images of any size; at 32 pixels it is the network of Table A1.

Every convolution has a bias and its ReLU; without batch normalization. Each is a plain block, and so is each pooling.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from derivations.errors import InputError
from validate.segments import Network, Plain, Segment

Stage = tuple[int, int]
"""(number of convolutions, number of maps), followed by a 2×2 max pooling."""

STAGES: tuple[Stage, ...] = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))
HIDDEN = 4096


@dataclass(frozen=True)
class Settings:
    """Number of classes, input channels, and height and width of the input."""

    num_classes: int = 10
    in_channels: int = 3
    image_size: int = 32

    def __post_init__(self) -> None:
        if min(self.num_classes, self.in_channels) < 1 or self.image_size < 2 ** len(STAGES):
            raise InputError(f"VGG needs at least 1 class, 1 channel and {2 ** len(STAGES)} pixels, not {self}")


def vgg(settings: Settings, stages: Sequence[Stage] = STAGES) -> Network:
    """Convolutions in `stages`, then three fully connected layers 4096, 4096, num_classes. The stem is the first convolution."""
    segments: dict[str, Segment] = {}
    inputs = settings.in_channels
    for stage, (convolutions, maps) in enumerate(stages, start=1):
        for layer in range(1, convolutions + 1):
            segments[f"conv{stage}_{layer}"] = Plain(nn.Sequential(nn.Conv2d(inputs, maps, 3, padding=1), nn.ReLU()))
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
