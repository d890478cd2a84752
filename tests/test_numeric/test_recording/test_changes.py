"""What torch's own functions write in place: recorded as the model computes it, or refused."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from captured import check
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from derivations.errors import CaptureError
from numeric.capture.capture import capture
from numeric.recording.graph import Ref
from numeric.recording.record import record
from numeric.recording.recorder import Recorder

aten = torch.ops.aten


def image(axes: int) -> Tensor:
    return torch.randn(3, 2, *[5] * axes, generator=torch.Generator().manual_seed(1)).double()


class Branch(nn.Module):
    """x + φ(layer(x)), the layer padding in a circle."""

    def __init__(self, axes: int) -> None:
        super().__init__()
        kind: Any = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
        self.layer = kind(2, 2, 3, padding=1, padding_mode="circular")

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.tanh(self.layer(x))


class Sequences(nn.Module):
    """Of different lengths, in one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(self.layer(x))
        return pad_sequence([y[0], y[1, :1], y[2]], batch_first=True)


def models() -> dict[str, tuple[nn.Module, Tensor]]:
    pads = (
        nn.CircularPad1d((1, 2)),
        nn.CircularPad2d((1, 2, 0, 3)),
        nn.CircularPad2d((-1, 2, 1, 0)),
    )
    layers = (nn.Conv1d(2, 3, 2), nn.Conv2d(2, 3, 2), nn.Conv2d(2, 3, 2))
    return {
        **{f"convolution of {axes}": (Branch(axes), image(axes)) for axes in (1, 2, 3)},
        **{
            str(pad): (nn.Sequential(pad, nn.Tanh(), layer), image(layer.weight.dim() - 2))
            for pad, layer in zip(pads, layers, strict=True)
        },
        "pad_sequence": (Sequences(), image(1)),
    }


@pytest.mark.parametrize("name", models())
def test_values_and_pullbacks_are_the_models_own(name):
    torch.manual_seed(0)
    model, x = models()[name]
    check(model.double(), x)


def test_a_circular_padding_is_no_block_of_its_own():
    captured = capture(Branch(2).double(), (image(2),), {})
    assert [segment.kind for segment in captured.segments] == ["residual"]


def test_what_a_model_has_not_written_is_no_number_that_lay_there():
    def fill(x: Tensor) -> Tensor:
        made = x.new_empty(3, 4)
        made[:, :2] = x
        return made

    torch.use_deterministic_algorithms(True)  # fills what is empty with NaN
    try:
        recording = record(fill, (torch.ones(3, 2),), {})
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(each.isfinite().all() for each in recording.values.values())


def test_a_padding_of_another_mode_is_looked_into():
    names = {
        mode: record(lambda x, mode=mode: F.pad(x, (1, 1), mode=mode), (image(1),), {}).nodes
        for mode in ("reflect", "circular")
    }
    assert not any(node.whole for node in names["reflect"])
    assert [node.whole for node in names["circular"]] == [True]


class Running:
    """A recorder, and operations as they come to it."""

    def __init__(self) -> None:
        self.recorder, self.x = Recorder(None), torch.arange(6.0)
        self.recorder.take_inputs([self.x])

    def run(self, function: Any, *args: Any) -> Any:
        changes = self.recorder.changes
        if function._schema.is_mutable and changes.concern(function, args, {}):
            return changes.make(function, args, {})
        out = function(*args)
        self.recorder.note(function, args, {}, out)
        return out


def test_each_write_is_a_new_value_of_the_whole_and_none_changes_any_more():
    running = Running()
    whole = running.run(aten.zeros.default, [3, 6])
    inner = running.run(aten.slice.Tensor, running.run(aten.select.int, whole, 0, 1), 0, 2, 6)
    running.run(aten.copy_.default, inner, running.run(aten.slice.Tensor, running.x, 0, 0, 4))
    running.run(aten.copy_.default, inner, running.run(aten.slice.Tensor, running.x, 0, 2, 6))
    running.recorder.give_outputs([whole])
    recording = running.recorder.recording()
    (result,) = recording.outputs
    assert recording.values[result][1].tolist() == [0, 0, 2, 3, 4, 5]
    made: dict[int, Tensor] = {0: running.x}
    for node in recording.nodes:  # the recording, run again
        args = [made[each.value] if isinstance(each, Ref) else each for each in node.args]
        made[node.outputs[0]] = node.function(*args, **node.kwargs).clone()
    for number, value in recording.values.items():
        assert torch.equal(made[number], value), number


def test_a_view_that_is_out_of_date_is_not_read():
    running = Running()
    whole = running.run(aten.zeros.default, [6])
    first = running.run(aten.slice.Tensor, whole, 0, 0, 3)
    second = running.run(aten.slice.Tensor, whole, 0, 0, 2)
    running.run(aten.copy_.default, first, running.run(aten.slice.Tensor, running.x, 0, 0, 3))
    running.run(aten.mul.Tensor, first, 2)
    running.run(aten.mul.Tensor, whole, 2)
    with pytest.raises(CaptureError, match=r"in place .* build a new tensor"):
        running.run(aten.mul.Tensor, second, 2)


def test_a_constant_keeps_its_value_where_it_was_used():
    running = Running()
    constant = running.run(aten.new_zeros.default, running.x, [6])
    before = running.run(aten.add.Tensor, running.x, constant)
    running.run(aten.fill_.Scalar, constant, 3.0)
    running.recorder.give_outputs([running.run(aten.add.Tensor, before, constant)])
    recording = running.recorder.recording()
    first, *_, last = (node for node in recording.nodes if node.function is aten.add.Tensor)
    values = [recording.values[node.args[1].value].tolist() for node in (first, last)]
    assert values == [[0] * 6, [3] * 6]


@pytest.mark.parametrize("taken", [0, 1])
def test_other_changes_of_what_carries_gradients_are_refused(taken):
    running = Running()
    empty = running.run(aten.zeros.default, [6])
    y = running.run(aten.mul.Tensor, running.x, 2)
    given = ((y, empty), (empty, y))[taken]
    with pytest.raises(CaptureError, match="in place"):
        running.run(aten.add_.Tensor, *given)


def test_a_part_that_is_no_slice_is_refused():
    running = Running()
    whole = running.run(aten.zeros.default, [6, 6])
    line = running.run(aten.diagonal.default, whole)
    with pytest.raises(CaptureError, match="in place"):
        running.run(aten.copy_.default, line, running.x)
