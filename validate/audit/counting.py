"""Counts the networks that claims speak of, each once: parameters, layers, operations, on the meta device."""

from dataclasses import dataclass, field

import torch

from validate import vgg
from validate.complexity import Operations, Parameters, layers, operations, parameters
from validate.models import Network, build
from validate.vgg import Stage

CLASSES = 1000
SIZE = 224


@dataclass(frozen=True)
class Counts:
    """What networks cost; a subclass may know better."""

    _known: dict[tuple[object, ...], object] = field(default_factory=dict, repr=False)

    def parameters(self, name: str, num_classes: int = CLASSES, **settings: int) -> Parameters:
        """Of a network in `validate.models.NETWORKS`."""
        return parameters(_network(name, num_classes, **settings))

    def layers(self, name: str) -> int:
        """With weights; shortcuts and gates left out."""
        return layers(_network(name, CLASSES))

    def operations(self, name: str, **settings: int) -> Operations:
        """Of one image of 224 × 224 pixels."""
        key = (name, *sorted(settings.items()))
        if key not in self._known:
            self._known[key] = operations(_network(name, CLASSES, **settings), SIZE)
        found = self._known[key]
        assert isinstance(found, Operations)
        return found

    def vgg(self, stages: tuple[Stage, ...], num_classes: int) -> Parameters:
        """Of a VGG network with other stages, for images of 32 × 32 pixels."""
        with torch.device("meta"):
            return parameters(vgg.vgg(vgg.Settings(num_classes), stages))


def _network(name: str, num_classes: int, **settings: int) -> Network:
    with torch.device("meta"):
        return build(name, num_classes, **settings)
