"""The VGG networks: layout, sizes and initialization."""

import math

import pytest
import torch

from validate.networks.build import build
from validate.networks.vgg import MAPS, STAGES, Settings, vgg


def test_biases_start_at_zero_and_weights_with_the_variance_of_he():
    network = build("vgg19", seed=1)
    layer = network.segments["conv3_2"].branch[0]
    assert not layer.bias.any()
    assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / (9 * 256)), rel=0.01)


@pytest.mark.parametrize("depth", STAGES)
def test_stages_are_those_of_the_paper_each_ended_by_a_pooling(depth):
    """Simonyan & Zisserman 2015, Table 1; the first convolution is the stem."""
    names = [name for name, _ in build(f"vgg{depth}").chain()]
    assert sum(1 for name in names if name.startswith("conv")) == depth - 3 - 1
    assert [name for name in names if name.startswith("pool")] == [f"pool{n}" for n in range(1, 6)]
    assert tuple(maps for _, maps in STAGES[depth]) == MAPS


@pytest.mark.parametrize(
    ("size", "features"), [(32, 512), (63, 512), (64, 512 * 4), (224, 512 * 49)]
)
def test_the_head_takes_what_five_poolings_leave(size, features):
    with torch.device("meta"):
        network = vgg(Settings(image_size=size), STAGES[11])
        assert network.head[1].in_features == features
        assert network(torch.empty(2, 3, size, size)).shape == (2, 10)
