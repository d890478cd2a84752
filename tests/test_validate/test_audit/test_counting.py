"""Counts of networks: those of the networks themselves, each operation counted once per object."""

import pytest
import torch

from validate.audit import counting
from validate.audit.counting import Counts, mega
from validate.networks.build import build
from validate.networks.costs import complexity


@pytest.mark.parametrize(("name", "settings"), [("resnet18", {}), ("resnet18", {"projections": 0})])
def test_counts_are_those_of_the_network(name, settings):
    with torch.device("meta"):
        network = build(name, 1000, **settings)
    found = complexity(network, 224)
    assert Counts().parameters(name, **settings) == found.parameters
    assert Counts().operations(name, **settings) == found.operations
    assert Counts().layers(name) == found.layers == 18


def test_an_object_counts_once_and_another_one_anew(monkeypatch):
    asked = []

    def count(network, size):
        asked.append(size)
        return len(asked)

    monkeypatch.setattr(counting, "operations", count)
    first, second = Counts(), Counts()
    assert [first.operations("resnet18"), first.operations("resnet18")] == [1, 1]
    assert first.operations("resnet18", projections=0) == 2
    assert second.operations("resnet18") == 3
    assert asked == [224] * 3


def test_vgg_and_dense_networks_are_counted_as_they_are_asked_for():
    """A stage of one convolution less has its 9·64² weights and 64 biases less."""
    two, one = (Counts().vgg(((n, 64), *[(1, 64)] * 4), 10) for n in (2, 1))
    assert two.weights - one.weights == 9 * 64 * 64
    assert two.biases - one.biases == 64
    narrow, published = (Counts().dense(40, 12, stem, narrow=stem == 12) for stem in (12, 16))
    with torch.device("meta"):
        ours = build("dense-40", 10, 3, image_size=32, width=12)
    assert narrow.learned == sum(value.numel() for value in ours.parameters())
    assert published.learned > 3 * narrow.learned


def test_millions_are_printed_as_the_paper_prints_them():
    assert mega(25_557_032) == "25.56 M"
