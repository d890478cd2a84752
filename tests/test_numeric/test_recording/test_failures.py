"""A model that fails is named by module and line, with what to give instead."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from derivations.errors import InputError
from numeric.recording.failures import named_failures, refuse_model


class Inner(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Identity(), inner)

    def forward(self, h: Tensor) -> Tensor:
        return self.inner(h)


class Broken(nn.Module):
    def forward(self, h: Tensor) -> Tensor:
        raise NotImplementedError("write me")


class Flat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(12, 2)

    def forward(self, h: Tensor) -> Tensor:
        return self.layer(h.flatten())


def said(model, *args) -> str:
    with pytest.raises(InputError) as caught, named_failures(model):
        model(*args)
    found = str(caught.value)
    assert "\n" not in found
    assert found.startswith("the model fails at this input: ")
    return found


def makes() -> nn.Module:
    return nn.Linear(2, 2)


def line(text: str) -> str:
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return f"test_failures.py:{next(n for n, each in enumerate(lines, 1) if text in each)}"


x = torch.randn


@pytest.mark.parametrize(
    ("model", "given", "way_out"),
    [
        (nn.Conv2d(3, 4, 3), x(4, 1, 8, 8), "(--input-size 3,H,W)"),
        (nn.Conv1d(3, 4, 3), x(4, 1, 8), "(--input-size 3,L)"),
        (nn.Linear(8, 2), x(4, 7), "(--input-size 8)"),
        (nn.GRU(5, 4), x(4, 3, 7), "(--input-size N,5)"),
        (nn.Embedding(50, 4), torch.tensor([[50]]), "(--vocab 50)"),
        (nn.Embedding(50, 4), x(4, 3), "(--tokens N --vocab 50)"),
        (nn.BatchNorm1d(3), x(1, 3), "(--batch N), or call model.eval()"),
    ],
)
def test_the_layer_is_named_and_what_it_takes(model, given, way_out):
    found = said(Inner(model), given)
    assert f"(in inner.1, {line('return self.inner(h)')}): " in found
    assert found.endswith(way_out)


def test_of_a_layer_that_is_not_the_first_nothing_is_known_of_the_input():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(9, 2))
    found = said(model, x(2, 3, 8, 8))
    assert "(in 2, " in found
    assert found.endswith("(--input-size C,H,W)")


def test_a_batch_that_is_flattened_away_is_named():
    assert "keep its axis" in said(Flat(), x(4, 12))
    assert "keep its axis" not in said(nn.Linear(12, 2), x(4, 13))


def test_functions_are_named_by_their_lines():
    found = said(Inner(Broken()), x(2))
    assert f"NotImplementedError, write me (in inner.1, {line('raise NotImpl')}): run" in found


def test_a_function_that_makes_the_model_is_to_be_called():
    assert said(makes, x(2)).endswith("if makes makes the model, call it: pass makes()")
    with pytest.raises(InputError, match="makes returns a Linear, a model"):
        refuse_model(makes, makes())
    refuse_model(makes, x(2))
    assert said(nn.Linear(2, 2), x(1, 2), 3).endswith("one dict of keyword arguments")


def test_what_says_itself_what_is_wrong_is_left_alone():
    with pytest.raises(InputError, match=r"^mine$"), named_failures(makes):
        raise InputError("mine")
