"""The error of float32 is small where it is whole, and not where it was cut; kinks do not count."""

import copy
import math

import pytest
import torch

from validate.measure.batch_statistics import recalibrated
from validate.measure.single_precision import single_error
from validate.networks.build import build
from validate.statistics.summary import SINGLE

FAMILIES = ["plain-20", "residual-20", "se_residual-14", "dense-16"]


def cut(values):
    """To the 10 binary digits of TF32, rounded."""
    return ((values.contiguous().view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)


class Coarse(torch.autograd.Function):
    """Cuts what a convolution takes: values forward or signals backward, of float32 alone."""

    @staticmethod
    def forward(ctx, values, forward):
        ctx.forward = forward
        return cut(values) if forward and values.dtype == torch.float32 else values.clone()

    @staticmethod
    def backward(ctx, signal):
        coarse = not ctx.forward and signal.dtype == torch.float32
        return cut(signal) if coarse else signal, None


def coarsened(network):
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_pre_hook(lambda _, given: (Coarse.apply(given[0], True),))
            module.register_forward_hook(lambda _, given, made: Coarse.apply(made, False))
    return network


def settled(name):
    network = build(name, image_size=16, width=8, seed=100)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(64, 1, 16, 16, generator=generator)
    labels = torch.randint(10, (64,), generator=generator)
    return recalibrated(network, images, 32), images[:8], labels[:8]


@pytest.mark.parametrize("name", FAMILIES)
def test_whole_float32_passes_and_cut_float32_does_not(name):
    network, images, labels = settled(name)
    whole = single_error(network, images, labels)
    assert 0 < whole < SINGLE / 8
    assert single_error(coarsened(network), images, labels) > SINGLE


@pytest.mark.parametrize("name", FAMILIES)
def test_float64_is_what_it_is_held_against(name):
    """Of a float64 network it is rounding; the network is left as it was."""
    network, images, labels = settled(name)
    wide = copy.deepcopy(network).double()
    assert single_error(wide, images.double(), labels) < 1e-12
    before = {key: value.clone() for key, value in network.state_dict().items()}
    single_error(network, images, labels)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_an_error_in_a_single_link_is_found():
    network, images, labels = settled("residual-20")
    _, segment = list(network.chain())[4]
    # What the copy in float64 does not do: hooks see float32 alone.
    segment.register_forward_hook(
        lambda _, given, made: made * 1.001 if made.dtype == torch.float32 else made
    )
    assert single_error(network, images, labels) == pytest.approx(1e-3 / 1.001, rel=1e-2)


def test_one_sample_alone_is_no_error():
    """As where rounding takes a unit across its kink: three of eight may move."""
    network, images, labels = settled("plain-20")
    _, segment = list(network.chain())[4]
    for moved, found in ((3, False), (5, True)):
        factors = torch.ones(8, 1, 1, 1)
        factors[:moved] = 1.5
        handle = segment.register_forward_hook(
            lambda _, given, made, factors=factors: (
                made * factors if made.dtype == torch.float32 else made
            )
        )
        assert (single_error(network, images, labels) > SINGLE) == found
        handle.remove()


def test_no_gain_is_no_error():
    network, images, labels = settled("plain-20")
    with torch.no_grad():
        network.head[-1].weight.zero_()
    assert math.isnan(single_error(network, images, labels))


def test_a_network_in_training_mode_is_refused():
    network, images, labels = settled("plain-20")
    with pytest.raises(ValueError, match="training mode"):
        single_error(network.train(), images, labels)
