"""The ResNets that the paper compares: sizes of gates, strides, shortcuts and settings."""

import pytest
import torch

from validate.networks.build import build
from validate.networks.resnet import UNITS


def test_the_gates_know_the_size_of_their_maps():
    with torch.device("meta"):
        network = build("se_resnet50", image_size=100)
        h = network.stem(torch.randn(1, 3, 100, 100))
        gates = 0
        for name, segment in network.chain():
            h = segment(h)
            if hasattr(segment, "size"):
                gates += 1
                assert h.shape[-1] == segment.size, name
    assert gates == 3 + 4 + 6 + 3


def test_the_stride_moves_and_nothing_else_changes():
    with torch.device("meta"):
        original, common = (build("resnet50", stride_on=kernel) for kernel in (1, 3))
    strides = [
        [
            module.stride[0]
            for name, module in network.named_modules()
            if name.endswith(("branch.0", "branch.3"))
        ]
        for network in (original, common)
    ]
    assert sum(1 for a, b in zip(*strides, strict=True) if a != b) == 2 * 3
    shapes = [
        {name: value.shape for name, value in network.state_dict().items()}
        for network in (original, common)
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("depth", UNITS)
def test_units_are_those_of_the_paper_and_three_layers_deep_from_50_on(depth):
    """He et al. 2016, Table 1: stem, blocks of two or three convolutions, classifier."""
    with torch.device("meta"):
        names = [name for name, _ in build(f"resnet{depth}").chain()]
    blocks = [name for name in names if not name.endswith("_relu")]
    assert 2 + len(blocks) * (3 if depth >= 50 else 2) == depth
    assert [
        sum(1 for name in blocks if name.startswith(f"stage{n}_")) for n in range(1, 5)
    ] == list(UNITS[depth])


@pytest.mark.parametrize("projections", [0, 1])
def test_shortcuts_have_parameters_where_they_are_projections_and_the_shape_changes(projections):
    with torch.device("meta"):
        network = build("resnet18", projections=projections)
    with_weights = [
        name
        for name, segment in network.chain()
        if list(getattr(segment, "shortcut", torch.nn.Identity()).parameters())
    ]
    assert with_weights == [f"stage{n}_block1" for n in (2, 3, 4)] * projections
