"""What the captured blocks say is held against the model, and whatever differs is named."""

import pytest
import torch
from torch import Tensor, nn

from derivations.errors import CaptureError, InputError
from validate.analysis import signal_comparison
from validate.analysis.analyze import analyze


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(6, 6), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


class Grown(nn.Module):
    """States that the model concatenates anew, each for one layer and the next state."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(6 + 2 * index, 2) for index in range(3))
        self.head = nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            features.append(torch.tanh(layer(torch.cat(features, 1))))
        return self.head(torch.cat(features, 1))


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(Block(), Block(), nn.Linear(6, 2)).double()


def x() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(4, 6, dtype=torch.float64, generator=generator)


def altered(monkeypatch: pytest.MonkeyPatch, name: str, what: str) -> None:
    """Makes the numbers of one block those of another term."""
    real = signal_comparison.segment_numbers

    def wrong(model, segment, g, *, joined):
        found = real(model, segment, g, joined=joined)
        if segment.name == name and what == "pullback":
            found.numbers.pullback.mul_(1 + 1e-9)
        if segment.name == name and what == "value":
            return type(found)(found.numbers, 1e-9, found.holds_for)
        return found

    monkeypatch.setattr(signal_comparison, "segment_numbers", wrong)


@pytest.mark.parametrize("what", ["pullback", "value"])
def test_a_term_that_is_not_the_model_is_named(monkeypatch, what):
    altered(monkeypatch, "1", what)
    with pytest.raises(CaptureError, match=rf"^1: the captured residual block's own {what}"):
        analyze(model(), x())


def test_states_that_the_model_makes_anew_are_carried_on_and_compared_behind_them():
    torch.manual_seed(0)
    found = analyze(Grown().double(), x())
    assert [block.kind for block in found] == ["dense", "dense", "dense", "linear"]
    assert all(block.gain is not None for block in found)
    assert any("2 boundaries are no value" in remark for remark in found.capture.remarks)
    assert found.total.relative_error is not None
    assert found.total.relative_error < 1e-12


def test_an_error_before_states_is_found_behind_them(monkeypatch):
    torch.manual_seed(0)
    altered(monkeypatch, "layers.2", "pullback")
    with pytest.raises(CaptureError, match=r"^layers\.0"):
        analyze(Grown().double(), x())


def test_a_signal_that_is_not_finite_is_refused():
    with pytest.raises(InputError, match="not finite"):
        analyze(model(), x(), loss=lambda out: (out - out.detach()).abs().sqrt().sum())


def test_samples_that_others_move_are_joined():
    class Mixing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + torch.tanh(x.mean(0, keepdim=True)).expand_as(x)

    found = analyze(Mixing(), x())
    assert any("coupled" in remark for remark in found.capture.remarks)
    assert found.blocks[0].gain is not None
    assert found.blocks[0].gain.min == found.blocks[0].gain.max
    assert all(bound.value is not None for bound in found.blocks[0].bounds)
