"""Gives a network a past, so that no layer is the identity by accident."""

import copy

import torch
from torch import nn

from validate.networks.build import Network


def awakened(network: Network, seed: int = 0) -> Network:
    """A float64 eval-mode copy whose batch statistics and affine weights are no longer the
    identity.
    """
    network = copy.deepcopy(network).double().eval()
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low in (
                (module.weight.data, 0.5),
                (module.bias.data, -0.5),
                (module.running_mean, -0.5),
                (module.running_var, 0.5),
            ):
                tensor.copy_(low + torch.rand(tensor.shape, generator=generator))
    return network
