"""Terms of states against their dense Jacobians, and in which order a state's values stand."""

import pytest
import torch
from captured import check, kinds
from test_numeric.branched import DualPath, Exchange, Partial, UNet, built, image
from torch import Tensor, nn

from derivations.algebra.terms import Add, Chain, Concat, Identity, Layer, Linear
from numeric.capture.capture import Captured, CapturedModel, capture
from numeric.capture.segment_numbers import segment_numbers
from numeric.capture.state_terms import arranged
from numeric.evaluation.realize import realize

MODELS = [UNet, Exchange, Partial, DualPath]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((1, 2), (1, 2), (1, 2)),
        ((1, 2, 3), (1, 3, 4), (1, 4, 3)),
        ((1, 2), (3, 4), (3, 4)),
        ((1, 2, 3), (3, 4), (4, 3)),
        ((1,), (1, 2), (1, 2)),
        ((1, 2, 3), (9,), (9,)),
        ((1, 2), (1, 2, 3, 4), (1, 2, 3, 4)),
    ],
)
def test_a_new_value_takes_the_place_of_one_that_is_gone(before, after, expected):
    assert arranged(before, after) == expected


def rerun(found: CapturedModel, segment: Captured, x: Tensor) -> Tensor:
    """The state behind a segment, by the recorded steps themselves: nothing of its term."""
    known = dict(found.flow.recording.values)
    start = 0
    for value in segment.entry:
        size = known[value][0].numel()
        known[value] = x[:, start : start + size].reshape(known[value].shape)
        start += size
    made = [step.value for step in found.flow.steps]
    first = max((made.index(v) for v in segment.entry if v in made), default=-1)
    last = max(made.index(v) for v in segment.exit)
    for step in found.flow.steps[first + 1 : last + 1]:
        given = torch.utils._pytree.tree_map(
            lambda leaf: known[leaf.value] if hasattr(leaf, "value") else leaf,
            (step.node.args, dict(step.node.kwargs)),
        )
        out = step.node.function(*given[0], **given[1])
        known[step.value] = torch.utils._pytree.tree_flatten(out)[0][step.position]
    return torch.cat([known[value].flatten(1) for value in segment.exit], 1)


@pytest.mark.parametrize("make", MODELS)
def test_values_and_pullbacks_are_those_of_the_dense_jacobian(make: type[nn.Module]) -> None:
    found = capture(built(make), (image(1),), {})
    states = [segment for segment in found.segments if segment.flat]
    assert len(states) >= 4
    for segment in states:
        x, recorded = found.ends(segment)
        dense = torch.autograd.functional.jacobian(
            lambda at, one=segment: rerun(found, one, at)[0], x
        )
        g = torch.randn(recorded.shape, dtype=torch.float64)
        numbers = segment_numbers(found, segment, g)
        expected = (g @ dense.reshape(recorded[0].numel(), -1))[0]
        torch.testing.assert_close(numbers.numbers.pullback[0], expected, rtol=1e-10, atol=1e-11)
        assert numbers.value_error < 1e-12
        assert numbers.numbers.gain.item() == pytest.approx(float(expected.norm() / g.norm()))


@pytest.mark.parametrize("make", MODELS)
def test_what_passes_is_passed_unchanged(make: type[nn.Module]) -> None:
    found = capture(built(make), (image(),), {})
    passed = 0
    for segment in found.segments:
        x, _ = found.ends(segment)
        out = realize(segment.term, segment.regions)(x)
        sizes = {v: found.value((v,))[0].numel() for v in (*segment.entry, *segment.exit)}
        for value in set(segment.entry) & set(segment.exit):
            before = sum(sizes[v] for v in segment.entry[: segment.entry.index(value)])
            after = sum(sizes[v] for v in segment.exit[: segment.exit.index(value)])
            size = sizes[value]
            kept = out.flatten(1)[:, after : after + size]
            torch.testing.assert_close(kept, x.flatten(1)[:, before : before + size])
            passed += 1
    assert passed >= 2 or make is DualPath


def test_a_block_of_one_value_is_a_sum_with_the_whole_state() -> None:
    found = capture(built(Partial), (image(),), {})
    block = found.segments[2]
    assert (block.name, block.kind) == ("blocks.1", "state")
    added = Chain(Linear("S_1"), Layer("F_1"), Linear("E_1"))
    assert block.term == Add(Identity(), added)
    g = torch.randn_like(found.ends(block)[1])
    numbers = segment_numbers(found, block, g).numbers
    t, c = numbers.terms["t"], numbers.terms["c"]
    law = (1 + 2 * c * t + t**2).sqrt()
    torch.testing.assert_close(law, numbers.gain)
    for bound in numbers.bounds:
        sign = 1 if bound.side == "lower" else -1
        assert (sign * bound.value <= sign * numbers.gain * (1 + sign * 1e-12)).all()
    assert {bound.side for bound in numbers.bounds} == {"lower", "upper"}


def test_bounds_of_states_hold_for_signals_of_every_kind() -> None:
    checked = 0
    for make in MODELS:
        found = capture(built(make), (image(),), {})
        for seed, segment in enumerate(found.segments):
            torch.manual_seed(seed)
            for g in (torch.randn_like(found.ends(segment)[1]), found.ends(segment)[1].sign()):
                numbers = segment_numbers(found, segment, g).numbers
                for bound in numbers.bounds:
                    sign = 1 if bound.side == "lower" else -1
                    assert (sign * bound.value <= sign * numbers.gain + 1e-12).all(), bound.id
                    checked += 1
    assert checked > 20


def test_parts_of_a_state_say_what_made_them() -> None:
    found = capture(built(UNet), (image(),), {})
    said = {
        letter: getattr(region, "said", "") for letter, region in found.segments[4].regions.items()
    }
    assert said["S_1"] == "1-2 of 3: down.0, down.1"
    assert said["S_2"] == "3 of 3: cat"
    placed = capture(built(Partial), (image(),), {}).segments[2].regions["E_1"]
    assert placed.said.startswith("into 2 of 2: blocks.0")  # type: ignore[attr-defined]


def test_sums_of_concatenations_that_are_cut_elsewhere_are_not_written_out() -> None:
    f, g, h = (nn.Linear(4, n).double() for n in (1, 3, 2))
    found = check(
        lambda x: torch.cat([f(x), g(x).tanh()], 1) + torch.cat([h(x), h(x).tanh()], 1),
        torch.randn(3, 4, dtype=torch.float64),
    )
    assert kinds(found) == ["sum"]
    (segment,) = found.segments
    assert isinstance(segment.term, Add)
    assert isinstance(segment.term.parts[0], Concat)
    assert isinstance(segment.term.parts[1], Layer)
    assert len(segment.regions) == 3
