"""Builds the small networks that are trained: plain, residual, SE-residual and dense, in the layout of the CIFAR papers.

A network is a stem, a chain of segments and a head; a name is a family and a depth, as in `residual-20`.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from derivations.errors import InputError
from validate.segments import Activation, DenseLayer, PlainBlock, ResidualBlock, Segment, SEResidualBlock, Transition, conv3x3

STAGES = 3


class Network(nn.Module):
    """head(segment_n(… segment_1(stem(x)))): (batch, in_channels, h, w) → (batch, num_classes)."""

    def __init__(self, stem: nn.Module, segments: dict[str, Segment], head: nn.Module) -> None:
        super().__init__()
        self.stem = stem
        self.segments = nn.ModuleDict(segments)
        self.head = head

    def chain(self) -> Iterator[tuple[str, Segment]]:
        """The segments by name, in the order in which the input meets them."""
        for name, segment in self.segments.items():
            assert isinstance(segment, Segment)
            yield name, segment

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for segment in self.segments.values():
            x = segment(x)
        return self.head(x)


@dataclass(frozen=True)
class Config:
    """What a family needs to know: `width` is the number of maps in the first stage, or the growth k of a dense network."""

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
            raise InputError(f"image_size must be at least {2 ** (STAGES - 1)}, not {self.image_size}: each later stage halves it")


BlockMaker = Callable[[int, int, int, int, Config], Segment]
"""(inputs, outputs, stride, size of the output, config) → a block."""


def build(name: str, num_classes: int = 10, in_channels: int = 1, *, seed: int = 0, **config: int) -> Network:
    """The named network in float32, train mode, with He initialization drawn from `seed` (the global random state is left as found).

    Families `plain`, `residual`, `se_residual` have depth 6n + 2, `dense` has depth 3n + 4. Further settings: `image_size`
    (height and width, 8), `width` (16), `reduction` (of the squeeze, 4). Works under `torch.device("meta")`.
    Raises InputError for an unknown family, an impossible depth or setting.
    """
    family, depth = parse(name)
    unknown = config.keys() - Config.__dataclass_fields__.keys()
    if unknown:
        raise InputError(f"unknown setting {min(unknown)!r}: choose from {', '.join(Config.__dataclass_fields__)}")
    settings = Config(num_classes, in_channels, **config)
    with torch.random.fork_rng(devices=[]):
        network = FAMILIES[family](depth, settings)
    initialize(network, torch.Generator("cpu").manual_seed(seed))
    return network


def parse(name: str) -> tuple[str, int]:
    """("residual", 20) from "residual-20"; raises InputError."""
    family, _, digits = name.rpartition("-")
    if family not in FAMILIES or not (digits.isascii() and digits.isdigit()):
        raise InputError(f"unknown network {name!r}: write FAMILY-DEPTH, such as residual-20, with a family from {', '.join(FAMILIES)}")
    return family, int(digits)


def initialize(network: nn.Module, generator: torch.Generator) -> None:
    """He initialization, fan-out (He et al. 2015, Eq. 14: keeps the backward variance); linear layers keep the forward variance.

    Weights are drawn on the CPU whatever the device, so a seed means the same network everywhere.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * math.prod(module.kernel_size)
            _draw(module.weight, math.sqrt(2 / fan_out), generator)
        elif isinstance(module, nn.Linear):
            _draw(module.weight, math.sqrt(1 / module.in_features), generator)
            nn.init.zeros_(module.bias)


def _draw(weight: Tensor, deviation: float, generator: torch.Generator) -> None:
    with torch.no_grad():
        weight.copy_(torch.randn(weight.shape, generator=generator, device="cpu") * deviation)


def _units_per_stage(depth: int, per_unit: int, overhead: int) -> int:
    """n of depth = per_unit·n + overhead."""
    units, remainder = divmod(depth - overhead, per_unit)
    if units < 1 or remainder:
        first, second, third = (per_unit * n + overhead for n in (1, 2, 3))
        raise InputError(f"depth {depth} is not {per_unit}n + {overhead}: choose {first}, {second}, {third}, …")
    return units


def _staged(depth: int, config: Config, block: BlockMaker) -> Network:
    """He et al. 2016, section 4.2: three stages of n blocks at widths w, 2w, 4w; the first block of a later stage halves the size."""
    units = _units_per_stage(depth, per_unit=6, overhead=2)
    segments: dict[str, Segment] = {}
    inputs, size = config.width, config.image_size
    for stage in range(1, STAGES + 1):
        outputs = config.width * 2 ** (stage - 1)
        for unit in range(1, units + 1):
            stride = 2 if stage > 1 and unit == 1 else 1
            size = math.ceil(size / stride)
            name = f"stage{stage}_block{unit}"
            segments[name] = block(inputs, outputs, stride, size, config)
            segments[f"{name}_relu"] = Activation()
            inputs = outputs
    stem = nn.Sequential(conv3x3(config.in_channels, config.width), nn.BatchNorm2d(config.width), nn.ReLU())
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, config.num_classes))
    return Network(stem, segments, head)


def _plain(depth: int, config: Config) -> Network:
    return _staged(depth, config, lambda inputs, outputs, stride, size, config: PlainBlock(inputs, outputs, stride))


def _residual(depth: int, config: Config) -> Network:
    return _staged(depth, config, lambda inputs, outputs, stride, size, config: ResidualBlock(inputs, outputs, stride))


def _se_residual(depth: int, config: Config) -> Network:
    return _staged(
        depth, config, lambda inputs, outputs, stride, size, config: SEResidualBlock(inputs, outputs, stride, size, config.reduction)
    )


def _dense(depth: int, config: Config) -> Network:
    """Huang et al. 2017, section 4.1: three blocks of n layers. Stem and transitions give k maps, so all x_i have equal widths."""
    layers = _units_per_stage(depth, per_unit=3, overhead=4)
    growth = config.width
    segments: dict[str, Segment] = {}
    maps = growth
    for stage in range(1, STAGES + 1):
        if stage > 1:
            segments[f"transition{stage - 1}"] = Transition(maps, growth)
            maps = growth
        for layer in range(1, layers + 1):
            segments[f"stage{stage}_layer{layer}"] = DenseLayer(maps, growth)
            maps += growth
    pool = (nn.BatchNorm2d(maps), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Network(conv3x3(config.in_channels, growth), segments, nn.Sequential(*pool, nn.Linear(maps, config.num_classes)))


FAMILIES: dict[str, Callable[[int, Config], Network]] = {
    "plain": _plain,
    "residual": _residual,
    "se_residual": _se_residual,
    "dense": _dense,
}
