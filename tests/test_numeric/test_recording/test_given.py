"""Models come back bit for bit, with the random generators, whatever ran."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from captured import same_snapshot, snapshot
from torch import Tensor, nn

from derivations.errors import CaptureError, InputError
from numeric.recording.given import (
    Generators,
    check_inputs,
    check_model,
    untouched,
    without_numbers,
)


class Restless(nn.Module):
    """Changes everything that it may."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout())
        self.register_buffer("kept", torch.zeros(3))
        self.plain, self.words, self.held = torch.zeros(3), ["a"], {"k": {1}}

    def forward(self, x: Tensor) -> Tensor:
        self.kept += 1
        self.plain += x.sum()
        self.words.append("b")
        self.held["new"] = x
        self.extra = x
        self.eval()
        self.inner[0].register_forward_hook(lambda *given: None)
        self.inner.append(nn.ReLU())
        random.random()
        np.random.rand()  # noqa: NPY002
        return self.inner(x) + torch.rand(3)


def test_a_restless_model_comes_back() -> None:
    model = Restless()
    model.inner(torch.randn(4, 3)).sum().backward()
    before = snapshot(model)
    with untouched(model):
        model(torch.randn(4, 3)).sum().backward()
    same_snapshot(before, snapshot(model))
    assert not hasattr(model, "extra")
    assert model.training
    assert len(model.inner) == 3


def test_what_is_noticed_by_the_snapshot_itself() -> None:
    """The judge of the other tests is no blind one."""
    for act in (
        lambda m: m.kept.add_(1),
        lambda m: m.words.append("c"),
        nn.Module.eval,
        lambda m: m.plain.add_(1),
        lambda m: setattr(m, "more", 1),
        lambda m: m.inner[0].weight.data.add_(1),
        lambda m: m.inner[0].register_forward_hook(lambda *given: None),
        lambda m: torch.rand(1),
        lambda m: random.seed(1),
        lambda m: np.random.rand(),  # noqa: NPY002
        lambda m: m.inner[0].weight.requires_grad_(False),
    ):
        model = Restless()
        before = snapshot(model)
        act(model)
        with pytest.raises(AssertionError):
            same_snapshot(before, snapshot(model))


def test_a_model_that_fails_comes_back() -> None:
    model = Restless()
    before = snapshot(model)
    with pytest.raises(RuntimeError), untouched(model):
        model(torch.randn(4, 5))
    same_snapshot(before, snapshot(model))


def test_modules_that_a_function_holds_come_back() -> None:
    norm = nn.BatchNorm1d(3)
    before = snapshot(norm)
    with untouched(norm.forward):
        norm(torch.randn(4, 3))
    same_snapshot(before, snapshot(norm))


def test_a_parameter_that_changes_is_named() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    said = pytest.raises(InputError, match=r"changes its parameter 0\.bias: make it a buffer")
    with said, untouched(model), torch.no_grad():
        model[0].bias.add_(1)


def test_generators_go_back_and_tell_whether_they_moved() -> None:
    before = Generators()
    assert not before.moved()
    drawn = torch.rand(2), random.random(), np.random.rand()  # noqa: NPY002
    assert before.moved()
    before.put_back()
    assert not before.moved()
    again = torch.rand(2), random.random(), np.random.rand()  # noqa: NPY002
    assert torch.equal(drawn[0], again[0])
    assert drawn[1:] == again[1:]


def test_what_is_no_model_is_refused() -> None:
    for given in ("resnet", 3, nn.Linear):
        with pytest.raises(InputError, match=r"is no model: pass an nn\.Module or a function"):
            check_model(given)
    check_model(torch.tanh)
    check_model(nn.Linear(2, 2))


def test_backward_hooks_are_refused_and_others_are_not() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    model[0].register_forward_hook(lambda *given: None)
    check_model(model)
    handle = model[0].register_full_backward_pre_hook(lambda *given: None)
    with pytest.raises(CaptureError, match=r"0 has a backward hook.* handle that register_full"):
        check_model(model)
    handle.remove()
    check_model(model)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((3, "a"), "there is no tensor among the inputs"),
        ((torch.ones(2), torch.tensor(float("nan"))), "tensor 2 of the inputs has entries"),
        ((torch.ones(2, device="meta"),), "tensor 1 of the inputs is on the meta device"),
    ],
)
def test_inputs_are_refused_by_their_place(given: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_inputs(given, {})


def test_inputs_may_be_nested_and_named() -> None:
    check_inputs(({"a": [torch.ones(2)]},), {"b": torch.tensor([1])})
    with pytest.raises(InputError, match="tensor 2"):
        check_inputs(({"a": [torch.ones(2)]},), {"b": 1 / torch.zeros(1)})


def test_structure_alone_is_all_on_the_meta_device() -> None:
    meta, x = nn.Linear(2, 2, device="meta"), torch.ones(1, 2)
    assert without_numbers(meta, (x.to("meta"),), {})
    assert not without_numbers(meta, (x,), {})
    assert not without_numbers(nn.Linear(2, 2), (x.to("meta"),), {})
    check_model(meta, meta=True)
