"""Counts the networks that claims speak of, on the meta device: parameters, layers, operations."""

from functools import cache

import torch

from validate.networks import cifar, vgg
from validate.networks.build import Network, build
from validate.networks.costs import Operations, Parameters, layers, operations, parameters
from validate.networks.vgg import Stage

CLASSES = 1000
SIZE = 224
GIGA, MEGA = 1e9, 1e6


class Counts:
    """What networks cost; a subclass may know better.

    Counting operations takes a forward pass, so each object keeps what it counted.
    """

    def __init__(self) -> None:
        self._operations = cache(_operations)

    def parameters(self, name: str, num_classes: int = CLASSES, **settings: int) -> Parameters:
        """Of a network as `validate.networks.build.build` makes it."""
        return parameters(_network(name, num_classes, **settings))

    def layers(self, name: str) -> int:
        """With weights; shortcuts and gates left out."""
        return layers(_network(name, CLASSES))

    def operations(self, name: str, **settings: int) -> Operations:
        """Of one image of 224 × 224 pixels."""
        return self._operations(name, **settings)

    def vgg(self, stages: tuple[Stage, ...], num_classes: int) -> Parameters:
        """Of a VGG network with other stages, for images of 32 × 32 pixels."""
        with torch.device("meta"):
            return parameters(vgg.vgg(vgg.Settings(num_classes), stages))

    def dense(self, depth: int, growth: int, stem: int, narrow: bool) -> Parameters:
        """Of a small dense network for 10 classes and images of 32 × 32 pixels, with another stem
        or other transitions.
        """
        with torch.device("meta"):
            return parameters(
                cifar.dense(
                    depth,
                    cifar.Config(num_classes=10, in_channels=3, image_size=32, width=growth),
                    stem,
                    narrow,
                )
            )


def _operations(name: str, **settings: int) -> Operations:
    return operations(_network(name, CLASSES, **settings), SIZE)


def _network(name: str, num_classes: int, **settings: int) -> Network:
    with torch.device("meta"):
        return build(name, num_classes, **settings)


def mega(count: int, digits: int = 2) -> str:
    """In millions, as the paper prints numbers of parameters, with so many decimals."""
    return f"{count / MEGA:.{digits}f} M"
