import gc
import weakref
from itertools import pairwise

import pytest
import torch
from test_numeric.branched import Exchange, UNet, built, image
from test_validate.watched import Branch, Gated, batch, residual
from torch import nn

from derivations.errors import CaptureError
from numeric.capture.capture import capture
from validate.watching.watch_plan import WatchedBlock, key_of, plan_of, plan_of_run


def planned(model, x):
    return plan_of(capture(model, (x,), {}))


def test_blocks_are_those_of_the_capture_and_share_their_points():
    model, (x, _) = residual(), batch()
    plan = planned(model, x)
    assert [(each.name, each.kind) for each in plan.blocks] == [
        (each.name, each.kind) for each in capture(model, (x,), {}).segments
    ]
    for one, other in pairwise(plan.blocks):
        assert one.after == other.before
    assert plan.remarks == ()


def test_relus_and_gates_belong_to_the_blocks_that_hold_them():
    model = nn.Sequential(
        nn.Linear(8, 16), nn.ReLU(), Branch(16), Gated(16), nn.Linear(16, 4), nn.Sigmoid()
    ).double()
    plan = planned(model, batch()[0])
    assert [len(each.idle) for each in plan.blocks] == [1, 1, 0, 0]
    assert [len(each.gates) for each in plan.blocks] == [
        0,
        0,
        1,
        0,
    ]  # the last σ multiplies nothing
    assert {plan.points[i].asks for each in plan.blocks for i in each.idle} == {"idle"}
    assert {plan.points[i].made_by for each in plan.blocks for i in each.gates} == {"sigmoid"}


def test_repeated_concatenations_are_continued_by_slices():
    class Plain(nn.Module):
        def forward(self, x):
            parts = [x]
            parts.append(torch.cat(parts, 1).tanh())
            parts.append(torch.cat(parts, 1).sin())
            return torch.cat(parts, 1)

    captured = capture(Plain(), (batch()[0],), {})
    plan = plan_of(captured)
    virtual = captured.flow.virtual
    assert virtual
    sliced = [point for point in plan.points if point.slices]
    assert len(sliced) == len(virtual)
    assert [(s.dim, s.start) for point in sliced for s in point.slices] == [(1, 0)] * len(sliced)


def test_a_plan_keeps_no_tensor():
    captured = capture(residual(), (batch()[0],), {})
    kept = [weakref.ref(each) for each in captured.flow.recording.values.values()]
    plan = plan_of(captured)
    del captured
    gc.collect()
    assert not any(each() is not None for each in kept)
    assert len(plan.blocks) == 5


def test_a_run_leaves_the_model_as_it_was():
    model, (x, _) = nn.Sequential(residual(), nn.BatchNorm1d(4), nn.Dropout()).double(), batch()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    plan_of_run(model, (x,), {})
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)


def test_what_cannot_be_recorded_says_why():
    class Broken(nn.Module):
        def forward(self, x):
            raise ArithmeticError("no such luck\nat all")

    with pytest.raises(Exception, match="no such luck"):
        plan_of_run(Broken(), (batch()[0],), {})
    with pytest.raises(CaptureError, match="differentiable"):
        plan_of_run(nn.Identity(), (torch.ones(2, dtype=torch.int64),), {})


def test_a_key_knows_structure_shapes_and_modes():
    model, (x, _) = residual(), batch()
    key = key_of(model, (x,), {"deep": True})
    assert key == key_of(model, (x + 1,), {"deep": True})
    assert hash(key) is not None
    structure, shapes = key
    assert key_of(model, (x[:2],), {"deep": True}) == (structure, ((2, 8),))
    assert shapes == ((6, 8),)
    for other in (
        key_of(model, (x.float(),), {"deep": True}),
        key_of(model, (x[None],), {"deep": True}),
        key_of(model, (x,), {"deep": False}),
        key_of(model, ([x],), {"deep": True}),
        key_of(residual(), (x,), {"deep": True}),
        key_of(model.eval(), (x,), {"deep": True}),
    ):
        assert other[0] != structure


def test_a_block_tells_the_most_idle_units_and_the_most_closed_gate():
    block = WatchedBlock("b", "plain", (0,), (1,), (2, 3), (4, 5))
    seen = block.seen({0: 2.0, 1: 4.0, 2: 0.1, 3: 0.2, 4: 0.5, 5: 0.4})
    assert (seen.before, seen.after, seen.dead, seen.gate, seen.gain) == (2.0, 4.0, 0.2, 0.4, 0.5)
    seen = WatchedBlock("b", "plain", None, (1,), (2,), ()).seen({1: 4.0})
    assert (seen.before, seen.after, seen.dead, seen.gate, seen.gain) == (
        None,
        4.0,
        None,
        None,
        None,
    )


def test_the_signal_of_a_state_is_that_of_its_values_together():
    block = WatchedBlock("b", "state", (0, 1), (2, 3), (), ())
    seen = block.seen({0: 3.0, 1: 4.0, 2: 6.0, 3: 8.0})
    assert (seen.before, seen.after, seen.gain) == (5.0, 10.0, 0.5)
    seen = block.seen({0: 3.0, 2: 6.0, 3: 8.0})  # no signal came to one of them
    assert (seen.before, seen.after) == (None, 10.0)


def test_blocks_between_states_that_no_hook_meets_are_one():
    plan = planned(built(UNet), image())
    assert [(each.name, each.kind) for each in plan.blocks] == [
        ("down.0.conv", "plain"),
        ("down.1.conv..up.2", "state"),
        ("merge.2.conv", "plain"),
    ]
    plan = planned(built(Exchange), image())
    assert len(plan.blocks) == 9
    assert [len(each.after) for each in plan.blocks] == [2] * 8 + [1]
