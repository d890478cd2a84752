"""Builds the DenseNets for ImageNet (Huang et al. 2017, Table 1).

Bottleneck layers, and transitions that halve the number of maps. Without dropout, which the paper
uses where it does not augment the data, and which has no parameters.
"""

from dataclasses import dataclass

from torch import nn

from derivations.errors import InputError
from numeric import Network, Segment
from validate.networks.segments import DenseStep, Transition, conv3x3

Layout = tuple[int, tuple[int, ...]]
"""(growth k, number of layers of each dense block)."""

LAYOUTS: dict[int, Layout] = {
    121: (32, (6, 12, 24, 16)),
    161: (48, (6, 12, 36, 24)),
    169: (32, (6, 12, 32, 32)),
    201: (32, (6, 12, 48, 32)),
    264: (32, (6, 12, 64, 48)),
}
BOTTLENECK = 4
SMALLEST = 29  # its quarter, rounded up, can be halved three times


@dataclass(frozen=True)
class Settings:
    """Number of classes, input channels, and height and width of the input."""

    num_classes: int = 10
    in_channels: int = 3
    image_size: int = 224

    def __post_init__(self) -> None:
        if min(self.num_classes, self.in_channels) < 1 or self.image_size < SMALLEST:
            raise InputError(
                f"DenseNet needs at least 1 class, 1 channel and {SMALLEST} pixels, not {self}"
            )


def densenet(depth: int, settings: Settings) -> Network:
    """Stem of 2k maps, four dense blocks with transitions between them, and BN, ReLU, average
    pooling, linear.
    """
    growth, layout = LAYOUTS[depth]
    maps = 2 * growth
    stem = nn.Sequential(
        nn.Conv2d(settings.in_channels, maps, 7, 2, padding=3, bias=False),
        nn.BatchNorm2d(maps),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    )
    segments: dict[str, Segment] = {}
    for stage, layers in enumerate(layout, start=1):
        if stage > 1:
            segments[f"transition{stage - 1}"] = Transition(maps, maps // 2)
            maps //= 2
        for layer in range(1, layers + 1):
            segments[f"stage{stage}_layer{layer}"] = DenseStep(_branch(maps, growth))
            maps += growth
    pool = (nn.BatchNorm2d(maps), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Network(stem, segments, nn.Sequential(*pool, nn.Linear(maps, settings.num_classes)))


def _branch(inputs: int, growth: int) -> nn.Module:
    width = BOTTLENECK * growth
    return nn.Sequential(
        nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, width, 1, bias=False),
        nn.BatchNorm2d(width), nn.ReLU(), conv3x3(width, growth),
    )  # fmt: skip
