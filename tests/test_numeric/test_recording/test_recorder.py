"""The books of a recording: values by their tensors, what autograd follows, what is aside."""

import pytest
import torch
from torch import Tensor

from derivations.errors import CaptureError
from numeric.recording.graph import Address, Ref
from numeric.recording.recorder import Recorder, plain, tensors_of


def started() -> tuple[Recorder, Tensor]:
    recorder, x = Recorder(None), torch.ones(2)
    recorder.take_inputs([x])
    return recorder, x


def test_a_value_is_known_by_its_tensor() -> None:
    recorder, x = started()
    y = x + 1
    recorder.note(torch.ops.aten.add.Tensor, (x, 1), {}, y)
    recorder.note(torch.ops.aten.add.Tensor, (y, x.clone()), {}, y + 1)
    assert recorder.nodes[0].args == (Ref(0), 1)
    assert recorder.nodes[1].args[0] == Ref(1)
    assert isinstance(recorder.nodes[1].args[1], Tensor)


def test_autograd_is_followed_where_it_is_on() -> None:
    recorder, x = started()
    y, z, n = x * 2, x * 3, x.long()
    recorder.note(torch.ops.aten.mul.Tensor, (x, 2), {}, y)
    recorder.note(torch.ops.aten._to_copy.default, (x,), {}, n)
    with torch.no_grad():
        recorder.note(torch.ops.aten.mul.Tensor, (x, 3), {}, z)
    d = y.detach()
    recorder.note(torch.ops.aten.detach.default, (y,), {}, d)
    assert [recorder.requires_grad(each) for each in (x, y, z, d, n)] == [True, True] + [False] * 3


def test_a_weight_makes_what_is_computed_of_it_follow() -> None:
    recorder = Recorder(None)
    recorder.take_inputs([torch.tensor([1])])
    weight = torch.ones(2, requires_grad=True)
    made = torch.ones(2)
    recorder.note(torch.ops.aten.mul.Tensor, (weight, 2), {}, made)
    assert recorder.requires_grad(made)


def test_changes_that_autograd_does_not_see_are_refused() -> None:
    recorder, x = started()
    d = x.detach()
    recorder.note(torch.ops.aten.detach.default, (x,), {}, d)
    recorder.name = "mul_"
    with pytest.raises(CaptureError, match=r"the model changes a value in place \(mul_\)"):
        recorder.check_change(d, d * 2)
    with pytest.raises(CaptureError):
        recorder.check_change(x, x * 2)
    seen = x * 2
    recorder.note(torch.ops.aten.mul.Tensor, (x, 2), {}, seen)
    recorder.check_change(x, seen)


def test_where_values_come_from_wins_over_where_they_go() -> None:
    recorder, x = started()
    y = x + 1
    recorder.note(torch.ops.aten.add.Tensor, (x, 1), {}, y)
    recorder.calls = 4
    recorder.met("out", [y])
    recorder.calls = 5
    recorder.met("in", [torch.ones(1), y, x])
    assert recorder.addresses == {0: Address(0, "in", 0), 1: Address(4, "out", 0)}
    recorder.forget_addresses(1)
    recorder.met("in", [torch.ones(1), y, x])
    assert recorder.addresses[1] == Address(5, "in", 1)


def test_outputs_that_nothing_computed_are_values() -> None:
    recorder, x = started()
    recorder.give_outputs([x, torch.ones(3)])
    assert recorder.outputs == [0, 1]
    assert recorder.recording().values[1].shape == (3,)


def test_what_is_aside_is_paused_and_autograd_is_put_back() -> None:
    recorder, _ = started()
    with recorder.aside():
        assert recorder.paused
    assert not recorder.paused
    with recorder.gradients(False):
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


def test_plain_tensors_are_themselves() -> None:
    x = torch.ones(2)
    assert plain(x) is x
    assert plain("text") == "text"
    assert [t is x for t in tensors_of({"a": [x, 1], "b": (x,)})] == [True, True]
