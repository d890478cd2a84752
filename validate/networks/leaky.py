"""Gives the networks that are trained a slope below 0 in place of each ReLU."""

import copy
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional

from derivations.algebra.blocks import PLAIN
from derivations.algebra.terms import Pointwise
from numeric import Leaf, Network, Segment
from validate.networks.segments import Activation


class LeakyActivation(Segment):
    """The leaky ReLU after a block."""

    kind = PLAIN.kind
    term = Pointwise("leaky_relu")

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    @property
    def leaves(self) -> Mapping[str, Leaf]:
        return {"leaky_relu": self.forward}

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(x, self.slope)


def with_slope(network: Network, slope: float) -> Network:
    """A copy whose ReLUs, between blocks and inside of them, are leaky; weights as they are."""
    twin = copy.deepcopy(network)
    for module in list(twin.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.ReLU):
                setattr(module, name, nn.LeakyReLU(slope))
            elif isinstance(child, Activation):
                setattr(module, name, LeakyActivation(slope))
    return twin
