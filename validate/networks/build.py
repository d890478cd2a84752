"""Builds networks by name: those that are trained (`residual-20`), those of the paper (`resnet50`).

A network is a stem, a chain of segments and a head; each family is defined in a file of its own.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from derivations.errors import InputError
from numeric import Network
from validate.networks import densenet, resnet, vgg
from validate.networks.cifar import FAMILIES, Config

__all__ = ["FAMILIES", "NETWORKS", "Config", "Network", "build", "initialize", "parse"]


@dataclass(frozen=True)
class Recipe:
    """How a network is made: from settings of this class, by this function."""

    settings: type[Any]
    make: Callable[[Any], Network]


NETWORKS: Mapping[str, Recipe] = {
    **{
        f"vgg{depth}": Recipe(vgg.Settings, partial(vgg.vgg, stages=stages))
        for depth, stages in vgg.STAGES.items()
    },
    **{
        f"plain{depth}": Recipe(resnet.Settings, partial(resnet.plain, depth)) for depth in (18, 34)
    },
    **{
        f"resnet{depth}": Recipe(resnet.ResidualSettings, partial(resnet.resnet, depth))
        for depth in resnet.UNITS
    },
    **{
        f"se_resnet{depth}": Recipe(resnet.SESettings, partial(resnet.se_resnet, depth))
        for depth in resnet.UNITS
    },
    **{
        f"densenet{depth}": Recipe(densenet.Settings, partial(densenet.densenet, depth))
        for depth in densenet.LAYOUTS
    },
}
"""The networks for ImageNet and of Table A1, by name."""


def build(
    name: str,
    num_classes: int = 10,
    in_channels: int | None = None,
    *,
    seed: int = 0,
    **config: int,
) -> Network:
    """The named network in float32, train mode, with He initialization drawn from `seed` (the
    global random state is left as found).

    FAMILY-DEPTH, such as `residual-20`: the networks that are trained, see
    `validate/networks/cifar.py`; settings `image_size` (height and width, 8), `width` (16),
    `reduction` (of the squeeze, 4), and 1 input channel unless told otherwise. A name in NETWORKS,
    such as `resnet50`: 3 input channels, `image_size` 224 (VGG: 32); `stride_on` (1 or 3) and
    `projections` (1 or 0) for residual ones, see `validate/networks/resnet.py`, and `reduction`
    (16) for SE ones. Works under `torch.device("meta")`. Raises InputError for an unknown name, an
    impossible depth or setting.
    """
    recipe = _recipe(name)
    known = recipe.settings.__dataclass_fields__
    if config.keys() - known.keys():
        raise InputError(
            f"unknown setting {min(config.keys() - known.keys())!r}: choose from {', '.join(known)}"
        )
    if in_channels is not None:
        config["in_channels"] = in_channels
    settings = recipe.settings(num_classes=num_classes, **config)
    # torch draws weights for every layer that it makes; these are overwritten below.
    with torch.random.fork_rng(devices=[]):
        network = recipe.make(settings)
    initialize(network, torch.Generator("cpu").manual_seed(seed))
    return network


def parse(name: str) -> tuple[str, int]:
    """("residual", 20) from "residual-20"; raises InputError."""
    family, _, digits = name.rpartition("-")
    if family not in FAMILIES or not (digits.isascii() and digits.isdigit()):
        raise InputError(
            f"unknown network {name!r}: write FAMILY-DEPTH, such as residual-20, with a family "
            f"from {', '.join(FAMILIES)}; "
            f"or one of {', '.join(NETWORKS)}"
        )
    return family, int(digits)


def _recipe(name: str) -> Recipe:
    if name in NETWORKS:
        return NETWORKS[name]
    family, depth = parse(name)
    return Recipe(Config, partial(FAMILIES[family], depth))


def initialize(network: nn.Module, generator: torch.Generator) -> None:
    """He initialization, fan-out (He et al. 2015, Eq. 14: keeps the backward variance).

    Linear layers keep the forward variance. Weights are drawn on the CPU whatever the device, so a
    seed means the same network everywhere; on the meta device, none are.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            _draw(module.weight, deviation_at_start(module), generator)
        elif isinstance(module, nn.Linear):
            _draw(module.weight, math.sqrt(1 / module.in_features), generator)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def deviation_at_start(convolution: nn.Conv2d) -> float:
    """The standard deviation of its weights as `initialize` draws them."""
    return math.sqrt(2 / (convolution.out_channels * math.prod(convolution.kernel_size)))


def _draw(weight: Tensor, deviation: float, generator: torch.Generator) -> None:
    if weight.is_meta:
        return
    with torch.no_grad():
        weight.copy_(torch.randn(weight.shape, generator=generator, device="cpu") * deviation)
