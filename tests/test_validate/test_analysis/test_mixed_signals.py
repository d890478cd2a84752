"""Signals that mix behind a dead layer are found, and what keeps samples apart is not accused."""

import pytest
import torch
from torch import Tensor, nn

from numeric import capture
from validate.analysis.mixed_signals import signals_mix
from validate.measure.model_gains import coupled


class Rolled(torch.autograd.Function):
    """An operation of the user's own, of which nothing is known."""

    @staticmethod
    def forward(ctx, h):
        return h + 0.5 * h.roll(1, 0)

    @staticmethod
    def backward(ctx, g):
        return g + 0.5 * g.roll(-1, 0)


class Custom(nn.Module):
    def forward(self, h: Tensor) -> Tensor:
        return Rolled.apply(h)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 5, batch_first=True)

    def forward(self, h: Tensor) -> Tensor:
        return self.lstm(h)[0]


def x(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(5, *shape, generator=generator, dtype=torch.float64)


def dead(*behind: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    first = nn.Linear(6, 5)
    nn.init.constant_(first.bias, -100.0)
    return nn.Sequential(first, nn.ReLU(), nn.Linear(5, 5), *behind, nn.Linear(5, 3)).double()


def test_a_dead_layer_hides_nothing():
    model = dead(Custom(), nn.Tanh())
    assert not coupled(model, (x(6),), {}, model(x(6)))
    assert signals_mix(capture(model, (x(6),), {}))


def test_samples_that_are_mixed_and_put_back_are_found():
    class Flip(nn.Module):
        def forward(self, h: Tensor) -> Tensor:
            return h.flip(0)

    torch.manual_seed(0)
    model = nn.Sequential(Flip(), nn.Linear(6, 6), nn.Linear(6, 5), Flip()).double()
    assert not coupled(model, (x(6),), {}, model(x(6)))
    assert signals_mix(capture(model, (x(6),), {}))


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_samples_that_are_apart_stay_so(batch):
    torch.manual_seed(0)
    model = nn.Sequential(Recurrent(), nn.Flatten(), nn.Linear(20, 6), nn.ReLU(), nn.Linear(6, 2))
    assert not signals_mix(capture(model.double(), (x(4, 5)[:batch],), {}))


def test_what_does_not_run_by_itself_is_taken_for_mixed():
    class Cast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3))

        def forward(self, h: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return self.inner(h)

    assert signals_mix(capture(Cast(), (x(6).float(),), {}))
