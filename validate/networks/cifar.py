"""Builds the networks that are trained: plain, residual, SE-residual, dense (CIFAR papers).

Families `plain`, `residual`, `se_residual` have depth 6n + 2, `dense` has depth 3n + 4; another
depth raises InputError.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from derivations.errors import InputError
from numeric import Network, Segment
from validate.networks.segments import (
    Activation,
    DenseLayer,
    PlainBlock,
    ResidualBlock,
    SEResidualBlock,
    Transition,
    conv3x3,
)

STAGES = 3


@dataclass(frozen=True)
class Config:
    """What a family needs to know: `width` is the number of maps in the first stage, or the growth
    k of a dense network.
    """

    num_classes: int = 10
    in_channels: int = 1
    image_size: int = 8
    width: int = 16
    reduction: int = 4

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise InputError(f"{name} must be at least 1, not {value}")
        if self.image_size < 2 ** (STAGES - 1):
            raise InputError(
                f"image_size must be at least {2 ** (STAGES - 1)}, not {self.image_size}: "
                "each later stage halves it"
            )


BlockMaker = Callable[[int, int, int, int, Config], Segment]
"""(inputs, outputs, stride, size of the output, config) → a block."""


def _units_per_stage(depth: int, per_unit: int, overhead: int) -> int:
    """n of depth = per_unit·n + overhead."""
    units, remainder = divmod(depth - overhead, per_unit)
    if units < 1 or remainder:
        first, second, third = (per_unit * n + overhead for n in (1, 2, 3))
        raise InputError(
            f"depth {depth} is not {per_unit}n + {overhead}: choose {first}, {second}, {third}, …"
        )
    return units


def _staged(depth: int, config: Config, block: BlockMaker) -> Network:
    """He et al. 2016, section 4.2: three stages of n blocks at widths w, 2w, 4w; the first block of
    a later stage halves the size.
    """
    units = _units_per_stage(depth, per_unit=6, overhead=2)
    segments: dict[str, Segment] = {}
    inputs, size = config.width, config.image_size
    for stage in range(1, STAGES + 1):
        outputs = config.width * 2 ** (stage - 1)
        for unit in range(1, units + 1):
            stride = 2 if stage > 1 and unit == 1 else 1
            # Rounded up, as a 3×3 convolution with padding 1 and stride 2 does.
            size = math.ceil(size / stride)
            name = f"stage{stage}_block{unit}"
            segments[name] = block(inputs, outputs, stride, size, config)
            segments[f"{name}_relu"] = Activation()
            inputs = outputs
    stem = nn.Sequential(
        conv3x3(config.in_channels, config.width), nn.BatchNorm2d(config.width), nn.ReLU()
    )
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, config.num_classes)
    )
    return Network(stem, segments, head)


def _plain(depth: int, config: Config) -> Network:
    return _staged(
        depth,
        config,
        lambda inputs, outputs, stride, size, config: PlainBlock(inputs, outputs, stride),
    )


def _residual(depth: int, config: Config) -> Network:
    return _staged(
        depth,
        config,
        lambda inputs, outputs, stride, size, config: ResidualBlock(inputs, outputs, stride),
    )


def _se_residual(depth: int, config: Config) -> Network:
    return _staged(
        depth,
        config,
        lambda inputs, outputs, stride, size, config: SEResidualBlock(
            inputs, outputs, stride, size, config.reduction
        ),
    )


def dense(depth: int, config: Config, stem: int | None = None, narrow: bool = True) -> Network:
    """Huang et al. 2017, section 4.1: three blocks of n layers. Stem and transitions give k maps,
    so all x_i have equal widths.

    Published is a `stem` of 16 maps, and transitions that keep all maps (not `narrow`).
    """
    layers = _units_per_stage(depth, per_unit=3, overhead=4)
    growth = config.width
    segments: dict[str, Segment] = {}
    first = maps = stem or growth
    for stage in range(1, STAGES + 1):
        if stage > 1:
            outputs = growth if narrow else maps
            segments[f"transition{stage - 1}"] = Transition(maps, outputs)
            maps = outputs
        for layer in range(1, layers + 1):
            segments[f"stage{stage}_layer{layer}"] = DenseLayer(maps, growth)
            maps += growth
    pool = (nn.BatchNorm2d(maps), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Network(
        conv3x3(config.in_channels, first),
        segments,
        nn.Sequential(*pool, nn.Linear(maps, config.num_classes)),
    )


FAMILIES: dict[str, Callable[[int, Config], Network]] = {
    "plain": _plain,
    "residual": _residual,
    "se_residual": _se_residual,
    "dense": dense,
}
