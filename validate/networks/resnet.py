"""Builds the networks of He et al. 2016, Table 1, plain and residual, and gated (Hu et al. 2018).

Up to 34 layers a block is two 3×3 convolutions, from 50 on a bottleneck 1×1, 3×3, 1×1; every
convolution is followed by batch normalization, every block by a ReLU of its own.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from derivations.errors import InputError
from numeric import Network, Segment
from validate.networks.segments import (
    Activation,
    Plain,
    Residual,
    SEResidual,
    Shortcut,
    conv3x3,
    projected,
    weighted_branch,
)

UNITS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
BOTTLENECK_FROM = 50
EXPANSION = 4
WIDTH = 64


@dataclass(frozen=True)
class Settings:
    """Number of classes, input channels, and height and width of the input."""

    num_classes: int = 10
    in_channels: int = 3
    image_size: int = 224

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name != "projections" and value < 1:
                raise InputError(f"{name} must be at least 1, not {value}")


@dataclass(frozen=True)
class ResidualSettings(Settings):
    """`stride_on`: the kernel size of the bottleneck convolution that halves the image, 1 in the
    paper and 3 in the common variant.

    `projections`: 1 for W_s by 1×1 convolutions (option B), 0 for shortcuts without parameters
    (option A).
    """

    stride_on: int = 1
    projections: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, allowed in (("stride_on", (1, 3)), ("projections", (0, 1))):
            if getattr(self, name) not in allowed:
                raise InputError(
                    f"{name} must be {allowed[0]} or {allowed[1]}, not {getattr(self, name)}"
                )


@dataclass(frozen=True)
class SESettings(ResidualSettings):
    """`reduction`: by how much the squeeze narrows the maps."""

    reduction: int = 16


@dataclass(frozen=True)
class Place:
    """What a block is told: its maps, its stride, the height and width of its output."""

    inputs: int
    outputs: int
    stride: int
    size: int


def plain(depth: int, settings: Settings) -> Network:
    """The network without shortcuts."""
    return _network(depth, settings, lambda place: Plain(_branch(depth, place, stride_on=1)))


def resnet(depth: int, settings: ResidualSettings) -> Network:
    """The residual network."""
    return _network(
        depth,
        settings,
        lambda place: Residual(
            _branch(depth, place, settings.stride_on), _shortcut(place, settings)
        ),
    )


def se_resnet(depth: int, settings: SESettings) -> Network:
    """The residual network with a gate on every branch."""

    def block(place: Place) -> Segment:
        branch, shortcut = _branch(depth, place, settings.stride_on), _shortcut(place, settings)
        return SEResidual(branch, shortcut, place.outputs, place.size, settings.reduction)

    return _network(depth, settings, block)


def _network(depth: int, settings: Settings, block: Callable[[Place], Segment]) -> Network:
    stem = nn.Sequential(
        nn.Conv2d(settings.in_channels, WIDTH, 7, 2, padding=3, bias=False),
        nn.BatchNorm2d(WIDTH),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    )
    segments: dict[str, Segment] = {}
    inputs, size = WIDTH, math.ceil(settings.image_size / 4)
    for stage, units in enumerate(UNITS[depth], start=1):
        outputs = WIDTH * 2 ** (stage - 1) * (EXPANSION if depth >= BOTTLENECK_FROM else 1)
        for unit in range(1, units + 1):
            stride = 2 if stage > 1 and unit == 1 else 1
            size = math.ceil(size / stride)
            segments[f"stage{stage}_block{unit}"] = block(Place(inputs, outputs, stride, size))
            segments[f"stage{stage}_block{unit}_relu"] = Activation()
            inputs = outputs
    return Network(
        stem,
        segments,
        nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, settings.num_classes)
        ),
    )


def _branch(depth: int, place: Place, stride_on: int) -> nn.Module:
    if depth < BOTTLENECK_FROM:
        return weighted_branch(place.inputs, place.outputs, place.stride)
    width = place.outputs // EXPANSION
    first, second = (place.stride, 1) if stride_on == 1 else (1, place.stride)
    return nn.Sequential(
        nn.Conv2d(place.inputs, width, 1, first, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        conv3x3(width, width, second), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, place.outputs, 1, bias=False), nn.BatchNorm2d(place.outputs),
    )  # fmt: skip


def _shortcut(place: Place, settings: ResidualSettings) -> nn.Module:
    if settings.projections or (place.inputs == place.outputs and place.stride == 1):
        return projected(place.inputs, place.outputs, place.stride)
    return Shortcut(place.inputs, place.outputs, place.stride)
