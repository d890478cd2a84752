"""Networks that compute the same by other weights: which bounds are theirs, and which the weights'.

The bound by norms of factors is no property of the function: it depends on where the factors part.
"""

import copy

import pytest
import torch
from strategies import gaussian
from torch import nn

from numeric import evaluate
from validate.networks.build import build


def block():
    network = build("se_residual-8", num_classes=5).double().eval()
    generator = torch.Generator().manual_seed(0)
    for each in network.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.running_mean.copy_(torch.randn(each.num_features, generator=generator) / 9)
            each.running_var.copy_(torch.rand(each.num_features, generator=generator) + 0.5)
    return dict(network.chain())["stage1_block1"]


def numbers(segment, x):
    g = gaussian(*segment(x).shape, seed=1)
    return {each.id: each.value for each in evaluate(segment.term, segment.leaves, x, g).bounds}


def upscaled_before_norms(segment):
    """Each output channel of a layer in front of a BatchNorm is multiplied, and divided by it."""
    made, last = copy.deepcopy(segment), None
    for each in made.modules():
        if isinstance(each, nn.BatchNorm2d) and last is not None:
            by = torch.linspace(0.1, 9, each.num_features).double()
            last.weight.data.mul_(by.view(-1, 1, 1, 1))
            each.running_mean.mul_(by)
            each.running_var.copy_(by**2 * (each.running_var + each.eps) - each.eps)
        last = each if isinstance(each, nn.Conv2d) else None
    return made


def moved_within_the_gate(segment):
    """Hidden entries of the gate are multiplied, and divided again behind their ReLU."""
    made = copy.deepcopy(segment)
    first, second = (each for each in made.modules() if isinstance(each, nn.Linear))
    by = torch.logspace(-1, 1, len(first.weight)).double()
    first.weight.data.mul_(by[:, None])
    if first.bias is not None:
        first.bias.data.mul_(by)
    second.weight.data.div_(by)
    return made


@pytest.mark.parametrize(
    ("changed", "same"), [(upscaled_before_norms, True), (moved_within_the_gate, False)]
)
def test_norms_of_factors_are_of_the_weights_and_all_else_is_of_the_function(changed, same):
    segment, x = block(), gaussian(3, 16, 8, 8, seed=0)
    other = changed(segment)
    torch.testing.assert_close(other(x), segment(x), rtol=1e-12, atol=1e-12)
    one, two = numbers(segment, x), numbers(other, x)
    assert one.keys() == two.keys()
    for name, value in one.items():
        kept = torch.allclose(value, two[name], rtol=1e-6, atol=1e-9)
        assert kept == (same or name != "norms.factors.upper"), name
    factor = two["norms.factors.upper"] / one["norms.factors.upper"]
    assert same or (factor > 1.01).all()
