"""Gives a network the BatchNorm statistics of images under its present weights.

Imports torch and nothing else. In eval mode BatchNorm divides by running statistics. Those of a
fresh network are 0 and 1, and those under training lag behind the weights: what is measured with
either belongs to a network that no training step runs.
"""

import copy
from collections.abc import Iterator
from math import ceil
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def recalibrated(network: AnyModule, images: Tensor, batch_size: int) -> AnyModule:
    """A copy in eval mode whose BatchNorm statistics are the mean of those of the batches of
    `images`; the network itself is left untouched.

    The images (samples, channels, h, w) are cut into batches of equal size, give or take one, of
    at most `batch_size`, and taken through a copy in float64 that has its BatchNorm alone in train
    mode. The statistics come back in the precision and on the device of the network, and may be
    infinite there. Raises ValueError if there are no images.
    """
    if len(images) == 0 or batch_size < 1:
        raise ValueError(
            f"{len(images)} images in batches of {batch_size} have no statistics: give one at least"
        )
    settled, wide = copy.deepcopy(network).eval(), copy.deepcopy(network).double().eval()
    for norm in _norms(wide):
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over the batches
        norm.train()
    with torch.no_grad():
        for batch in images.tensor_split(ceil(len(images) / batch_size)):
            wide(batch.double())
        for kept, found in zip(_statistics(settled), _statistics(wide), strict=True):
            kept.copy_(found)
    return settled


def statistics_are_finite(network: nn.Module) -> bool:
    """Whether every BatchNorm has statistics that it can divide by."""
    return all(bool(value.isfinite().all()) for value in _statistics(network))


def _norms(network: nn.Module) -> Iterator[_BatchNorm]:
    return (module for module in network.modules() if isinstance(module, _BatchNorm))


def _statistics(network: nn.Module) -> Iterator[Tensor]:
    for norm in _norms(network):
        for value in (norm.running_mean, norm.running_var):
            if value is not None:
                yield value
