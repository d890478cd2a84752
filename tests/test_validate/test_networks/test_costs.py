"""Counts of networks: against published numbers, against formulas, and against broken networks."""

import pytest
import torch
from torch import nn

from derivations.errors import InputError
from validate.networks.build import NETWORKS, build
from validate.networks.cifar import Config, dense
from validate.networks.costs import (
    Operations,
    Parameters,
    complexity,
    layers,
    operations,
    parameters,
)

LEARNED = {
    # 1000 classes, 224 pixels. torchvision's documentation of each model ("num_params").
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "densenet121": 7_978_856,
    "densenet161": 28_681_000,
    "densenet169": 14_149_480,
    "densenet201": 20_013_928,
}
MULTIPLY_ADDS = {
    # The same documentation, GFLOPS: one per multiply–add, convolutions and linear maps alone, the
    # stride on the 3×3 convolution.
    "vgg11": 7.61,
    "vgg13": 11.31,
    "vgg16": 15.47,
    "vgg19": 19.63,
    "resnet18": 1.81,
    "resnet34": 3.66,
    "resnet50": 4.09,
    "resnet101": 7.80,
    "resnet152": 11.51,
    "densenet121": 2.83,
    "densenet161": 7.73,
    "densenet169": 3.36,
    "densenet201": 4.29,
}


def meta(name: str, num_classes: int = 1000, **settings: int):
    with torch.device("meta"):
        return build(name, num_classes, **settings)


@pytest.mark.parametrize("name", LEARNED)
def test_parameters_are_those_published(name):
    assert parameters(meta(name, image_size=224)).learned == LEARNED[name]


@pytest.mark.parametrize("name", MULTIPLY_ADDS)
def test_multiply_adds_are_those_published(name):
    strided = {"stride_on": 3} if name.startswith("resnet") else {}
    found = operations(meta(name, image_size=224, **strided), image_size=224)
    assert round(found.multiply_adds / 1e9, 2) == MULTIPLY_ADDS[name]


@pytest.mark.parametrize(
    ("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)]
)
def test_parameters_of_the_small_networks_are_those_published(depth, millions):
    """He et al. 2016, Table 6, to two digits. Its shortcuts have no parameters, so they are the
    plain networks'; ours have 2,752 more.
    """
    residual, plain = (
        parameters(meta(f"{family}-{depth}", 10, in_channels=3, image_size=32)).learned
        for family in ("residual", "plain")
    )
    assert float(f"{plain / 1e6:.2g}") == millions
    assert residual - plain == 16 * 32 + 32 * 64 + 2 * (32 + 64)


@pytest.mark.parametrize(
    ("depth", "growth", "millions"), [(40, 12, 1.0), (100, 12, 7.0), (100, 24, 27.2)]
)
def test_parameters_of_small_densenets_are_those_published_with_their_stem_and_transitions(
    depth, growth, millions
):
    """Huang et al. 2017, Table 2; by hand: per layer of m maps a scale and a shift of each, and
    9·m·k weights; so m² in a transition.
    """
    layers = (depth - 4) // 3
    maps, by_hand = 16, 27 * 16
    for stage in range(3):
        by_hand += (2 * maps + maps**2 if stage else 0) + sum(
            (2 + 9 * growth) * (maps + layer * growth) for layer in range(layers)
        )
        maps += layers * growth
    config = Config(num_classes=10, in_channels=3, image_size=32, width=growth)
    with torch.device("meta"):
        published, ours = (
            parameters(dense(depth, config, stem=16, narrow=False)),
            parameters(dense(depth, config)),
        )
    assert published.learned == by_hand + 2 * maps + 10 * maps + 10
    assert round(published.learned / 1e6, 1) == millions
    assert ours == parameters(
        meta(f"dense-{depth}", 10, in_channels=3, image_size=32, width=growth)
    )
    assert ours.learned < published.learned / 3


def test_parameters_of_gates_are_those_published():
    """Hu et al. 2018, section 4: 2/r Σ N_s C_s² more weights than ResNet-50 has, without the biases
    that they leave out.
    """
    gates = parameters(meta("se_resnet50")).weights - parameters(meta("resnet50")).weights
    assert (
        gates
        == 2
        * sum(blocks * maps**2 for blocks, maps in ((3, 256), (4, 512), (6, 1024), (3, 2048)))
        // 16
    )


def test_a_shortcut_without_parameters_adds_none():
    assert parameters(meta("resnet34", projections=0)) == parameters(meta("plain34"))
    assert (
        parameters(meta("resnet34")).weights - parameters(meta("plain34")).weights
        == 64 * 128 + 128 * 256 + 256 * 512
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_as_deep_as_its_name_says(name):
    depth = int("".join(filter(str.isdigit, name)))
    # The paper counts 264 = 2·130 + 3 + 1 where there are 265: one is missing.
    assert layers(meta(name)) == (265 if name == "densenet264" else depth)


def test_counts_of_a_network_written_out_by_hand():
    """Two residual blocks of one stage, small enough to count on paper."""
    network = build("residual-8", in_channels=1, image_size=8, width=2)
    found = complexity(network, image_size=8, in_channels=1)
    convolutions = 9 * (1 * 2 + 2 * 2 * 2 + 2 * 4 + 4 * 4 + 4 * 8 + 8 * 8)
    assert found.parameters.weights == convolutions + (2 * 4 + 4 * 8) + 8 * 10
    assert found.parameters.biases == 10
    assert (
        found.parameters.affine
        == found.parameters.statistics
        == 2 * (2 + 2 * 2 + 2 * 4 + 4 + 2 * 8 + 8)
    )
    first = 9 * 64 * (2 + 4 + 4)
    later = 16 * (9 * (2 * 4 + 4 * 4) + 2 * 4) + 4 * (9 * (4 * 8 + 8 * 8) + 4 * 8)
    assert found.operations == Operations(
        multiply_adds=first + later + 80,
        additions=64 * 2 + 16 * 4 + 4 * 8,
        products=0,
        averaging=4 * 8,
        max_pooling=0,
        activations=64 * 2 * 3 + 16 * 4 * 2 + 4 * 8 * 2,
        normalization=64 * 2 * 3 + 16 * 4 * 3 + 4 * 8 * 3,
    )
    assert found.layers == 8


def test_gates_are_counted():
    plain, gated = (
        operations(build(f"{kind}-8", image_size=8, width=4), 8, 1)
        for kind in ("residual", "se_residual")
    )
    entries = 64 * 4 + 16 * 8 + 4 * 16
    assert gated.products - plain.products == gated.averaging - plain.averaging == entries
    assert gated.multiply_adds - plain.multiply_adds == 2 * (4 * 1 + 8 * 2 + 16 * 4)
    assert gated.additions == plain.additions == entries


def test_pooling_is_counted_by_what_it_reads():
    maps = ((64, 32), (128, 16), (256, 8), (512, 4), (512, 2))
    assert operations(meta("vgg19"), 32).max_pooling == sum(count * size**2 for count, size in maps)


def test_counting_leaves_the_network_as_it_was():
    network = build("residual-8", width=2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    complexity(network, 8, 1)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(value.device.type == "cpu" for value in network.state_dict().values())


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(InputError, match="LayerNorm"):
        parameters(nn.LayerNorm(3))
    with pytest.raises(InputError, match="tanh"):
        operations(nn.Tanh(), 2)


def test_parameters_add_up():
    network = build("se_residual-8", width=4)
    found = parameters(network)
    assert found == Parameters(found.weights, found.biases, found.affine, found.statistics)
    assert found.learned == sum(value.numel() for value in network.parameters())
    assert found.total - found.learned == sum(
        value.numel() for name, value in network.named_buffers() if "running" in name
    )
