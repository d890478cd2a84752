"""A network is its stem, its segments in their order, and its head."""

import copy

import pytest
import torch
from strategies import gaussian
from torch import nn

from derivations.algebra.terms import Add, Identity, Layer
from numeric.evaluation.network import Network, Segment
from numeric.evaluation.realize import realize


class Residual(Segment):
    kind, term = "residual", Add(Layer("F"), Identity())

    def __init__(self, size: int) -> None:
        super().__init__()
        self.branch = nn.Linear(size, size)

    @property
    def leaves(self):
        return {"F": self.branch}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x)


@pytest.fixture
def network() -> Network:
    segments = {"second by name": Residual(3), "first by name": Residual(3)}
    return Network(nn.Linear(2, 3), segments, nn.Linear(3, 5)).double()


def test_it_runs_stem_segments_and_head_in_their_order(network):
    x = gaussian(4, 2, seed=0)
    names = [name for name, _ in network.chain()]
    assert names == ["second by name", "first by name"]
    first, second = (segment for _, segment in network.chain())
    assert torch.equal(network(x), network.head(second(first(network.stem(x)))))
    assert not torch.equal(network(x), network.head(first(second(network.stem(x)))))


def test_its_segments_are_what_their_terms_say(network):
    x = gaussian(4, 3, seed=1)
    for _, segment in network.chain():
        assert torch.equal(realize(segment.term, segment.leaves)(x), segment(x))


def test_a_copy_has_leaves_of_its_own(network):
    _, segment = next(network.chain())
    other = copy.deepcopy(segment)
    assert other.leaves["F"] is other.branch is not segment.branch


def test_every_weight_is_a_parameter_of_the_network(network):
    assert sum(weight.numel() for weight in network.parameters()) == 9 + 2 * 12 + 20
    assert {name.split(".")[0] for name, _ in network.named_parameters()} == {
        "stem",
        "segments",
        "head",
    }


def test_a_segment_must_name_its_leaves():
    with pytest.raises(NotImplementedError):
        _ = Segment().leaves
