"""Measures how far float32, as a device computes it, is from the gains that float64 gives.

Link by link, each at the activations and the signal of the float32 pass itself. From end to end
the two passes drift apart exponentially with depth, in whatever arithmetic: that is no error.
"""

import copy

import torch
from torch import Tensor, nn

from validate.measure.network_gains import Stack, link_by_link, norm_ratio, pass_as_it_stands


def single_error(network: Stack, x: Tensor, y: Tensor) -> float:
    """The largest over the links of the median over the samples of |s − d| / max(s, d).

    s is the gain of a link in one pass through `network` as it stands, d that of a float64 copy of
    the link at the same activations and signal. A median, for where rounding takes a ReLU across
    its kink the gain of that sample jumps; arithmetic that is too coarse moves them all. NaN where
    no sample has a gain. Raises ValueError as `gains` does.
    """
    activations, signals = pass_as_it_stands(network, x, y)
    wide = copy.deepcopy(network)
    assert isinstance(wide, nn.Module)
    wide.double().requires_grad_(False)
    medians = [torch.tensor(torch.nan, dtype=torch.float64)]
    for (_, link), h, g, single in zip(
        wide.chain(), activations, signals[1:], link_by_link(signals), strict=False
    ):
        with torch.enable_grad():
            leaf = h.double().requires_grad_()
            (pulled,) = torch.autograd.grad(link(leaf), leaf, g.double())
        double, seen = norm_ratio(pulled, g.double()), single.double()
        largest = torch.maximum(seen, double)
        error = torch.where(largest > 0, (seen - double).abs() / largest, 0.0)
        medians.append(error.masked_fill(seen.isnan(), torch.nan).nanmedian().cpu())
    found = torch.stack(medians)
    return found[~found.isnan()].max().item() if not found.isnan().all() else torch.nan
