"""Each way of losing the gradient is told from the others, by numbers of the block alone."""

import pytest
import torch
from test_numeric.branched import UNet, built, image
from torch import Tensor, nn

from numeric import capture, segment_numbers
from validate.analysis.causes import Cause, cause_of


class Skip(nn.Module):
    """x + tanh(scale · x), so near 0 that the slope of tanh is 1."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4, bias=False)
        self.layer.weight.data = scale * torch.eye(4)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.tanh(self.layer(x))


class Shut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(4, 4)
        nn.init.constant_(self.gate.bias, -5.0)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.gate(x))


def cause(model: nn.Module, x: Tensor | None = None, g: Tensor | None = None) -> Cause:
    torch.manual_seed(0)
    x = 1e-4 * torch.randn(3, 4) if x is None else x
    found = capture(model.double(), (x.double(),), {})
    (segment,) = found.segments
    g = torch.randn(3, 4).double() if g is None else g.double()
    return cause_of(segment, segment_numbers(found, segment, g).numbers)


def test_a_gain_that_is_large_enough_has_no_cause():
    assert cause(Skip(0.1)) == Cause()


def test_branch_and_skip_that_cancel():
    found = cause(Skip(-0.9))
    assert "anti-alignment" in (found.lost_by or "")
    assert "t = 0.9" in (found.lost_by or "")
    assert "α = 0.56 leaves 0.5" in (found.advice or "")


def test_the_advice_is_true():
    """γ ≥ 1 − αt: scaled as advised, the block keeps what is promised."""
    found = cause(Skip(-0.9 * 0.5 / 0.9))
    assert found == Cause()


@pytest.mark.parametrize(
    ("model", "x", "word"),
    [
        (nn.ReLU(), -torch.ones(3, 4), "dead units"),
        (nn.Tanh(), 5 * torch.ones(3, 4), "mask"),
        (Shut(), None, "gate"),
        (nn.Sequential(nn.Linear(4, 4), nn.Tanh()), 9 * torch.ones(3, 4), "contraction"),
    ],
)
def test_each_factor_is_named(model, x, word):
    if isinstance(model, nn.Sequential):
        nn.init.constant_(model[0].weight, 0.02)
    assert word in (cause(model, x).lost_by or "")


def test_a_signal_in_the_kernel():
    layer = nn.Linear(4, 4, bias=False)
    layer.weight.data = torch.diag(torch.tensor([0.0, 1.0, 1.0, 1.0]))
    assert "kernel" in (cause(layer, g=torch.eye(4)[:1].repeat(3, 1)).lost_by or "")


def test_without_a_signal_there_is_no_cause():
    assert cause(nn.ReLU(), g=torch.zeros(3, 4)) == Cause()


def test_a_state_that_contracts_is_not_said_to_have_no_skip():
    model = built(UNet)
    for layer in model.merge[1:]:
        layer.conv.weight.data[:, :4] *= 1e-3  # what the skips bring is worth nothing
    model.merge[1].conv.weight.data *= 1e-3
    found = capture(model, (image(),), {})
    index = next(k for k, each in enumerate(found.segments) if each.name == "merge.1.conv")
    segment = found.segments[index]
    g = torch.zeros_like(found.ends(segment)[1])
    (moves,) = set(segment.exit) - set(segment.entry)
    sizes = [found.value((value,))[0].numel() for value in segment.exit]
    g.split(sizes, 1)[segment.exit.index(moves)].fill_(1.0)
    said = cause_of(segment, segment_numbers(found, segment, g).numbers).lost_by or ""
    assert "little of the signal passes by it" in said
