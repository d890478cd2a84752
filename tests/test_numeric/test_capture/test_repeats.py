"""Copies and repeated concatenations disappear, and nothing else does."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from numeric.capture.flow import Flow, flows
from numeric.recording.operations import name_of
from numeric.recording.record import record


def x() -> Tensor:
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def flow(model: Callable[[Tensor], Tensor]) -> Flow:
    (found,) = flows(record(model, (x(),), {}))
    return found


def names(model: Callable[[Tensor], Tensor]) -> list[str]:
    return [name_of(step.node) for step in flow(model).steps]


@pytest.mark.parametrize(
    "copy",
    [
        lambda h: h.clone(),
        lambda h: h.view(3, 4),
        lambda h: h.expand(3, 4),
        lambda h: h[:],
        lambda h: h.to(torch.float64, copy=True),
        lambda h: h.contiguous(memory_format=torch.contiguous_format),
        lambda h: torch.empty_like(h).copy_(h),
        lambda h: torch.cat([h], 1),
        lambda h: 0 + h,
        lambda h: sum([h]),
    ],
)
def test_what_repeats_its_input_is_dropped(copy: Callable[[Tensor], Tensor]) -> None:
    assert names(lambda h: torch.tanh(copy(torch.sin(h)))) == ["sin", "tanh"]


@pytest.mark.parametrize(
    "other",
    [
        lambda h: h.float(),
        lambda h: h.view(4, 3),
        lambda h: h[:, 1:],
        lambda h: 1 + h,
        lambda h: h.T,
        lambda h: torch.zeros(2, 3, 4).double().copy_(h),
    ],
)
def test_what_changes_something_is_kept(other: Callable[[Tensor], Tensor]) -> None:
    assert len(names(lambda h: torch.tanh(other(torch.sin(h))))) == 3


def test_a_constant_that_is_copied_over_a_value_ends_it() -> None:
    def run(h: Tensor) -> Tensor:
        y = torch.sin(h)
        y.copy_(torch.ones_like(h))
        return y + torch.cos(h)

    assert names(run) == ["cos", "add"]


def test_concatenations_are_continued_at_either_end() -> None:
    def run(h: Tensor) -> Tensor:
        a, b, c = torch.sin(h), torch.cos(h), torch.tanh(h)
        one = torch.cat([a, b], 1)
        return torch.cat([c, a, b], 1).sum() + torch.cat([a, b, c], 1).sum() + one.sum()

    found = flow(run)
    cats = [step for step in found.steps if name_of(step.node) == "cat"]
    assert [len(step.operands) for step in cats] == [2, 2, 2]
    assert found.virtual == {cats[0].value}


def test_concatenations_along_another_axis_or_of_other_parts_are_not() -> None:
    def run(h: Tensor) -> Tensor:
        a, b, c = torch.sin(h), torch.cos(h), torch.tanh(h)
        one = torch.cat([a, b], 0)
        return torch.cat([a, b, c], 1).sum() + torch.cat([b, a, c], 0).sum() + one.sum()

    assert flow(run).virtual == frozenset()


def test_negative_axes_are_the_same_axes() -> None:
    def run(h: Tensor) -> Tensor:
        a, b, c = torch.sin(h), torch.cos(h), torch.tanh(h)
        return torch.cat([a, b], dim=-1).sum() + torch.cat([a, b, c], 1).sum()

    assert len(flow(run).virtual) == 1
