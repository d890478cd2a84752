"""The networks that are trained: their depths, their widths and the terms of their blocks."""

import pytest
from torch import nn

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.terms import Add, Concat, Layer, Linear, Pointwise
from validate.networks.build import build

NAMES = ("plain-8", "residual-8", "se_residual-8", "dense-10")


@pytest.mark.parametrize(
    ("name", "depth"), [("plain-20", 20), ("residual-20", 20), ("dense-16", 16)]
)
def test_depth_counts_the_weighted_layers(name, depth):
    network = build(name)
    shortcuts = {module for key, module in network.named_modules() if "shortcut" in key}
    layers = [
        module
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and module not in shortcuts
    ]
    assert len(layers) == depth


def test_plain_and_residual_differ_by_the_skip_alone():
    plain, residual = build("plain-8"), build("residual-8")
    common = {
        name: value for name, value in residual.state_dict().items() if "shortcut" not in name
    }
    assert plain.state_dict().keys() == common.keys()
    assert all(plain.state_dict()[name].shape == common[name].shape for name in common)


def test_all_inputs_of_a_dense_step_are_equally_wide():
    network = build("dense-16", width=6)
    widths = [network.stem.out_channels]
    for _, segment in network.chain():
        if isinstance(segment.term, Concat):
            assert segment.branch[2].out_channels == 6
        else:
            widths.append(segment.branch[2].out_channels)
    assert widths == [6, 6, 6]


@pytest.mark.parametrize("name", NAMES)
def test_terms_and_kinds_are_those_of_the_paper(name):
    family = name.partition("-")[0]
    network = build(name, width=4)
    segments = [segment for _, segment in network.chain()]
    blocks = [segment for segment in segments if segment.term == BLOCKS[family].term]
    assert blocks
    assert all(segment.kind == BLOCKS[family].kind for segment in blocks)
    rest = [segment.term for segment in segments if segment not in blocks]
    others = {
        "plain": {Pointwise("relu")},
        "residual": {Pointwise("relu"), Add(Layer("F"), Linear("W_s"))},
        "se_residual": {
            Pointwise("relu"),
            Add(*BLOCKS["se_residual"].term.parts[:1], Linear("W_s")),
        },
        "dense": {Layer("F")},
    }
    assert set(rest) == others[family]
