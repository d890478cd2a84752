"""Which blocks a network with paths side by side consists of."""

from collections import Counter

import pytest
import torch
from captured import check, kinds
from test_numeric.branched import Block, DualPath, Exchange, Layer, Partial, UNet, built, image
from torch import Tensor, nn

from derivations.algebra.terms import Concat, Identity
from numeric.capture.capture import CapturedModel, capture


def named(found: CapturedModel) -> list[tuple[str, str]]:
    return [(segment.name, segment.kind) for segment in found.segments]


def test_a_u_net_is_its_layers_and_its_skips() -> None:
    found = check(built(UNet), image())
    assert named(found) == [
        ("down.0.conv", "plain"),
        ("down.1.conv", "state"),
        ("down.2.conv", "state"),
        ("cat", "state"),
        ("merge.0.conv", "state"),
        ("up.1", "state"),
        ("merge.1.conv", "state"),
        ("up.2", "concat"),
        ("merge.2.conv", "plain"),
    ]
    assert [len(end) for end in found.boundaries] == [1, 1, 2, 3, 3, 3, 2, 2, 1, 1]
    # The skips that wait are met at their birth, and what moves is met everywhere.
    assert [len(met) for met in found.met] == [1] * 10


def test_resolutions_that_exchange_are_blocks_of_each_and_exchanges() -> None:
    found = check(built(Exchange), image())
    assert named(found) == [
        ("start.0.conv", "state"),
        ("high.0", "state"),
        ("low.0", "state"),
        ("add", "state"),
        ("tanh", "state"),
        ("high.1", "state"),
        ("low.1", "state"),
        ("add+1", "state"),
        ("cat", "concat"),
    ]
    assert found.met == found.boundaries  # every signal is one of the model's own


def test_blocks_beside_a_half_that_passes_are_blocks() -> None:
    found = check(built(Partial), image())
    assert named(found) == [
        ("start.conv", "plain"),
        ("blocks.0", "state"),
        ("blocks.1", "state"),
        ("blocks.2", "state"),
        ("last", "concat"),
        ("end.conv", "plain"),
    ]
    assert found.met == found.boundaries


def test_dual_paths_are_states_of_two() -> None:
    found = check(built(DualPath), image())
    assert named(found)[1:] == [
        ("blocks.0", "state"),
        ("blocks.1", "state"),
        ("blocks.2", "state"),
        ("cat", "concat"),
    ]


def test_a_state_is_named_for_the_module_that_moves() -> None:
    """Each path runs through modules of its own, and no name is told twice."""
    for make in (UNet, Exchange, Partial, DualPath):
        found = capture(built(make), (image(),), {})
        assert max(Counter(segment.name for segment in found.segments).values()) == 1


def test_one_branch_without_blocks_stays_a_dense_step() -> None:
    found = check(built(UNet, 1), image())
    assert kinds(found) == ["plain", "dense", "plain"]
    assert isinstance(found.segments[1].term, Concat)
    assert Identity() in found.segments[1].term.parts


class Nested(nn.Module):
    """A skip around some blocks that have skips."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Block(4) for _ in range(count)))
        self.last = Layer(4, 4)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.last(self.blocks(h))


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, ["residual"]), (1, ["residual"]), (2, ["state"] * 2 + ["residual"])],
)
def test_blocks_inside_a_residual_branch_are_blocks_if_there_are_two(
    count: int, expected: list[str]
) -> None:
    assert kinds(check(built(Nested, count), image())) == expected


class Gated(nn.Module):
    """A gate in a branch, as squeeze and excitation have it, is no block of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.gate = Layer(4, 4), nn.Conv2d(4, 4, 1)

    def forward(self, h: Tensor) -> Tensor:
        inner = self.first(h)
        return h + inner * torch.sigmoid(self.gate(inner.mean((2, 3), keepdim=True)))


def test_a_gate_in_a_branch_stays_in_its_block() -> None:
    assert kinds(check(built(Gated), image())) == ["gated_residual"]


def test_signals_that_are_coupled_or_of_one_sample_make_no_other_cuts() -> None:
    one, two = (capture(built(Exchange), (image(count),), {}) for count in (1, 3))
    assert named(one) == named(two)


def test_on_meta_weights_there_is_the_same_structure() -> None:
    meta = built(Exchange).to("meta")
    assert named(capture(meta, (image().to("meta"),), {})) == named(
        capture(built(Exchange), (image(),), {})
    )
