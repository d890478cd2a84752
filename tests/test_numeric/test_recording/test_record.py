"""Recordings: every value as the model computes it, met where the model meets it again."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from numeric.recording.graph import Address, Recording
from numeric.recording.operations import name_of
from numeric.recording.record import record
from numeric.recording.recorder import tensors_of


def x(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(*(shape or (3, 4)), generator=generator, dtype=torch.float64)


def linear() -> nn.Module:
    return nn.Linear(4, 4).double()


class Meeting(TorchFunctionMode):
    """What every address finds in a run without a recording."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.found = 0, {}

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        call = self.calls = self.calls + 1
        with torch._C.DisableTorchFunction():
            for position, tensor in enumerate(tensors_of((args, kwargs or {}))):
                self.found[Address(call, "in", position)] = tensor.detach().clone()
        out = function(*args, **(kwargs or {}))
        with torch._C.DisableTorchFunction():
            for position, tensor in enumerate(tensors_of(out)):
                self.found[Address(call, "out", position)] = tensor.detach().clone()
        return out


def met(model: Any, *inputs: Tensor) -> Recording:
    """The recording, every address of which leads to its value in the model itself."""
    recording = record(model, inputs, {})
    mode = Meeting()
    given = [each.clone().requires_grad_().clone() for each in inputs]
    with mode:
        out = model(*given)
    found = mode.found | {Address(0, "in", i): each for i, each in enumerate(inputs)}
    found |= {Address(0, "out", i): each for i, each in enumerate(tensors_of(out))}
    for number, address in recording.addresses.items():
        assert torch.allclose(found[address], recording.values[number]), address
    return recording


def test_addresses_lead_to_values_whatever_is_done_to_them() -> None:
    f, g = linear(), linear()

    def run(h: Tensor) -> Tensor:
        y = f(h)
        y[:, 1:] *= 2
        y.view(-1)[0] = 3
        u = torch.relu_(g(y).clone())
        u += y.T.T
        one, other = u[:, :2], u[:, 2:]
        one.add_(other)
        return torch.cat([u, one], 1).sum(0, keepdim=True)

    recording = met(run, x())
    met(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(True)).double(), x())
    met(
        nn.MultiheadAttention(4, 2, batch_first=True).double().eval(),
        x(2, 3, 4),
        x(2, 3, 4),
        x(2, 3, 4),
    )
    assert len(recording.addresses) > 8
    assert Address(0, "in", 0) in recording.addresses.values()


def test_functions_are_kept_whole_and_named() -> None:
    model = nn.Sequential(linear(), nn.LayerNorm(4).double(), nn.GELU())
    nodes = record(model, (x(),), {}).nodes
    assert [(node.name, node.module, node.whole) for node in nodes] == [
        ("linear", "0", True),
        ("layer_norm", "1", True),
        ("gelu", "2", False),
    ]


def test_nothing_but_the_model_is_noted() -> None:
    nodes = record(lambda h: F.dropout(F.linear(h, torch.ones(4, 4).double())), (x(),), {}).nodes
    assert [name_of(node) for node in nodes] == ["ones", "_to_copy", "linear", "mul"]


def test_functions_of_another_order_are_looked_into() -> None:
    zeros, ones = torch.zeros(4).double(), torch.ones(4).double()
    (node, *_) = record(
        lambda h: torch.batch_norm(h, ones, zeros, zeros, ones, False, 0.1, 1e-5, False), (x(),), {}
    ).nodes
    assert not node.whole


def test_a_constant_that_changes_keeps_its_old_value_where_it_was_used() -> None:
    scale = torch.ones(4, dtype=torch.float64)

    def run(h: Tensor) -> Tensor:
        h = h * scale
        scale.mul_(3)
        h = h * scale
        scale.zero_()
        return h

    recording = record(run, (x(),), {})
    first, second = (node for node in recording.nodes if name_of(node) == "mul" and node.outputs)
    assert torch.equal(first.args[1], torch.ones(4).double())
    assert torch.equal(second.args[1], 3 * torch.ones(4).double())


def test_the_input_is_not_changed() -> None:
    given = x()
    record(lambda h: h.mul_(2), (given,), {})
    assert torch.equal(given, x())


def test_gradients_are_asked_after_as_in_the_model() -> None:
    said = []

    def run(h: Tensor) -> Tensor:
        with torch.no_grad():
            held = h * 2
        said.extend([h.requires_grad, held.requires_grad, h.detach().requires_grad])
        said.extend([(h + 1).requires_grad, torch.ones(1).requires_grad])
        return h * 2

    record(run, (x(),), {})
    assert said == [True, False, False, True, False]


def test_random_numbers_are_drawn_as_without_a_recording() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).double().train()
    torch.manual_seed(0)
    expected = layer(x(2, 5, 8))
    torch.manual_seed(0)
    recording = record(layer, (x(2, 5, 8),), {})
    assert torch.equal(recording.values[recording.outputs[0]], expected)


def test_models_are_recorded_with_autograd_on() -> None:
    with torch.no_grad():
        (node,) = record(torch.tanh, (x(),), {}).nodes
    assert node.tracked
