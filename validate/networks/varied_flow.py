"""Varies the gradient flow of residual networks while depth and parameters stay.

De & Smith 2020 and Zhang et al. 2019 scale the branch at the start; here the skip too.
"""

import torch
from torch import Tensor, nn

from derivations.errors import InputError
from numeric import Network
from validate.networks.segments import Residual, SEResidual


class ScaledSkip(nn.Module):
    """scale · W_s x, a constant scale."""

    def __init__(self, shortcut: nn.Module, scale: float) -> None:
        super().__init__()
        self.shortcut, self.scale = shortcut, scale

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * self.shortcut(x)


def vary_flow(network: Network, *, skip: float, branch: float) -> None:
    """Turns every block H = F(x) + W_s x into F(x) + skip · W_s x, the last BatchNorm of F starting
    at the weight `branch`; in place.

    Raises InputError for a network without residual blocks, and for skip = branch = 0, whose blocks
    give 0.
    """
    if skip == branch == 0:
        raise InputError("skip 0 with branch 0 leaves a network whose output is 0: choose another")
    blocks = [part for _, part in network.chain() if isinstance(part, Residual | SEResidual)]
    if not blocks:
        raise InputError("the network has no residual block whose flow could be varied")
    for block in blocks:
        block.shortcut = ScaledSkip(block.shortcut, skip)
        assert isinstance(block.branch, nn.Sequential)
        last = block.branch[-1]
        assert isinstance(last, nn.BatchNorm2d)
        with torch.no_grad():
            last.weight.fill_(branch)
