"""Custom autograd functions are noted whole however they are called, and torch is put back."""

from typing import Any

import pytest
import torch
from captured import check
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from derivations.errors import CaptureError
from numeric.recording.custom_functions import whole_functions
from numeric.recording.graph import Node
from numeric.recording.operations import name_of
from numeric.recording.record import record
from numeric.recording.recorder import Recorder


class Double(torch.autograd.Function):
    """Twice its input, with a slope of five, so that it cannot be mistaken."""

    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:
        return 2 * h

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return 5 * g


class Outer(torch.autograd.Function):
    """Calls another function inside."""

    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:
        return bound(h) + 1

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return 7 * g


class Same(torch.autograd.Function):
    """Gives back what it was given."""

    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:
        return h

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return 3 * g


bound = Double.apply


def x() -> Tensor:
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def whole(model: Any) -> list[Node]:
    return [node for node in record(model, (x(),), {}).nodes if node.whole]


@pytest.mark.parametrize("apply", [Double.apply, bound, Outer.apply, Same.apply])
def test_a_function_is_one_node_with_its_own_slope(apply: Any) -> None:
    (node,) = whole(lambda h: apply(h) + h)
    assert node.name in ("Double", "Outer", "Same")
    check(lambda h: apply(h) + h, x())


def test_functions_of_constants_run_as_they_are() -> None:
    held = x()
    assert whole(lambda h: h + bound(held)) == []


def test_torch_is_put_back_also_after_an_error() -> None:
    code = torch.autograd.Function.apply.__func__.__code__
    with pytest.raises(ZeroDivisionError), whole_functions(Recorder(None)):
        assert torch.autograd.Function.apply.__func__.__code__ is not code
        raise ZeroDivisionError
    assert torch.autograd.Function.apply.__func__.__code__ is code
    given = torch.ones(1, requires_grad=True)
    bound(given).backward()
    assert given.grad == 5


def test_what_changes_its_input_is_refused() -> None:
    class Changing(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, h: Tensor) -> Tensor:
            ctx.mark_dirty(h)
            return h.add_(1)

    with pytest.raises(CaptureError, match="the autograd function Changing changes its input"):
        record(lambda h: Changing.apply(h * 2), (x(),), {})


def test_reentrant_checkpoints_are_looked_into() -> None:
    f = nn.Linear(4, 4).double()

    def run(h: Tensor) -> Tensor:
        with_constant = checkpoint(lambda u: torch.tanh(f(u)), h, use_reentrant=True)
        return with_constant + h

    recording = record(run, (x(),), {})
    nodes = [node for node in recording.nodes if name_of(node) != "detach"]
    assert [node.name for node in nodes] == ["linear", "tanh", "add"]
    assert all(node.tracked for node in nodes)
    inside = recording.nodes[0].outputs[0]
    assert inside not in recording.addresses


def test_a_checkpoint_does_not_undo_no_grad_inside_it() -> None:
    def inner(h: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.tanh(h)

    recording = record(lambda h: checkpoint(inner, h, use_reentrant=True) + h, (x(),), {})
    assert [node.tracked for node in recording.nodes] == [False, True]
