"""Numbers of a segment are NaN where no signal is, and its value is compared with the recorded."""

import pytest
import torch
from torch import Tensor, nn

from derivations.errors import InputError
from numeric.capture.capture import capture
from numeric.capture.segment_numbers import segment_numbers, segment_spectra
from numeric.settings import Effort


class Skip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.branch = nn.Sequential(nn.Linear(4, 4), nn.Tanh()).double()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


def made():
    found = capture(Skip(), (torch.randn(3, 4).double(),), {})
    (segment,) = found.segments
    return found, segment


def test_samples_without_a_signal_are_nan_and_the_others_as_if_they_were_not_there():
    found, segment = made()
    g = torch.randn(3, 4).double()
    full = segment_numbers(found, segment, g).numbers
    g[1] = 0
    some = segment_numbers(found, segment, g).numbers
    assert some.live.tolist() == [True, False, True]
    for name, value in some.terms.items():
        assert value[1].isnan(), name
        assert torch.allclose(value[[0, 2]], full.terms[name][[0, 2]], rtol=1e-12)
    assert all(bound.value[1].isnan() for bound in some.bounds)
    assert (some.pullback[1] == 0).all()


def test_the_value_is_compared_with_what_was_recorded():
    found, segment = made()
    g = torch.randn(3, 4).double()
    assert segment_numbers(found, segment, g).value_error == 0
    found.value(segment.exit).mul_(1.01)
    assert segment_numbers(found, segment, g).value_error == pytest.approx(0.01 / 1.01)


def test_spectra_add_bounds_for_every_signal_around_the_gain():
    found, segment = made()
    g = torch.randn(3, 4).double()
    numbers = segment_spectra(found, segment, g, Effort())
    known = {bound.id: bound.value for bound in numbers.bounds}
    assert (known["singular.min.lower"] <= numbers.gain).all()
    assert (known["singular.max.upper"] >= numbers.gain).all()


def test_spectra_of_what_has_no_second_derivative_are_refused_by_name():
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, g):
            return g * 2

    class Custom(nn.Module):
        def forward(self, x):
            return x + Once.apply(x)

    found = capture(Custom(), (torch.randn(3, 4).double(),), {})
    (segment,) = found.segments
    with pytest.raises(InputError):
        segment_spectra(found, segment, torch.randn(3, 4).double(), Effort())


def test_a_gain_does_not_depend_on_the_size_of_the_signal():
    """In float32, where the pullback of a small one would have no digits left."""
    layer = nn.Linear(4, 4)
    layer.weight.data *= 1e-13
    found = capture(layer, (torch.randn(3, 4),), {})
    (segment,) = found.segments
    g = torch.randn(3, 4)
    large, small = (segment_numbers(found, segment, by * g).numbers for by in (1.0, 1e-30))
    assert torch.allclose(large.gain, small.gain, rtol=1e-5, atol=0)
    assert (large.gain > 0).all()


def test_a_signal_without_digits_counts_as_none():
    found, segment = made()
    g = torch.randn(3, 4).double()
    g[1] *= 1e-300
    assert segment_numbers(found, segment, g).numbers.live.tolist() == [True, False, True]
