"""Signals inside a segment are those of autograd in the model itself."""

import pytest
import torch
from torch import Tensor, nn

from numeric.capture.capture import capture
from numeric.capture.segment_signals import segment_signals, segment_values, step_slopes


class Block(nn.Module):
    """x + W(r · σ(U x)) + r with r = relu(V x): the input is used three times, r twice."""

    def __init__(self) -> None:
        super().__init__()
        self.v, self.u, self.w = (nn.Linear(5, 5) for _ in range(3))
        self.kept: dict[str, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        self.kept = {"v": self.v(x), "u": self.u(x)}
        self.kept |= {"relu": torch.relu(self.kept["v"]), "sigmoid": self.kept["u"].sigmoid()}
        self.kept["mul"] = self.kept["relu"] * self.kept["sigmoid"]
        self.kept["w"] = self.w(self.kept["mul"])
        return x + self.kept["w"] + self.kept["relu"]


def test_each_signal_is_the_models_own():
    torch.manual_seed(0)
    model, x, g = Block().double(), torch.randn(3, 5).double(), torch.randn(3, 5).double()
    captured = capture(model, (x,), {})
    (segment,) = captured.segments
    found = {each.step.node.module or each.step.node.name: each for each in
             segment_signals(segment, segment_values(captured, segment), g)}  # fmt: skip
    out = model(x)
    kept = dict(model.kept)
    signals = dict(zip(kept, torch.autograd.grad(out, [*kept.values()], g), strict=True))
    size = g.abs().max()  # signals are followed on a scale of their own
    for name, signal in signals.items():
        assert found[name].arrived == pytest.approx((signal.norm() / size).item(), rel=1e-12), name
    assert found["w"].passed == pytest.approx((signals["mul"].norm() / size).item(), rel=1e-12)
    assert found["relu"].passed == pytest.approx((signals["v"].norm() / size).item(), rel=1e-12)
    assert not any(found[name].alone for name in kept)  # the skip passes them by


def test_in_a_chain_each_step_is_alone_and_gains_multiply():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh()).double()
    x, g = torch.randn(3, 5).double(), torch.randn(3, 4).double()
    captured = capture(model, (x,), {})
    (segment,) = captured.segments
    found = segment_signals(segment, segment_values(captured, segment), g)
    assert [each.step.node.name for each in found] == ["tanh", "linear"]
    assert all(each.alone for each in found)
    given = x.requires_grad_()
    (pulled,) = torch.autograd.grad(model(given), given, g)
    gains = [each.gain or 0.0 for each in found]
    assert gains[0] * gains[1] == pytest.approx((pulled.norm() / g.norm()).item(), rel=1e-12)


def test_a_signal_of_zero_has_no_gain():
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh()).double()
    captured = capture(model, (torch.randn(3, 5).double(),), {})
    found = segment_signals(
        captured.segments[0],
        segment_values(captured, captured.segments[0]),
        torch.zeros(3, 4).double(),
    )
    assert [each.gain for each in found] == [None, None]


def test_slopes_are_those_at_the_recorded_values():
    x = torch.tensor([[-1.0, 2.0], [3.0, -4.0]]).double()
    captured = capture(nn.ReLU(), (x,), {})
    (step,) = captured.flow.steps
    assert torch.equal(
        step_slopes(segment_values(captured, captured.segments[0]), step), (x > 0).double()
    )


def test_a_complex_signal_has_the_size_of_its_entries():
    class Spectrum(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.fft.irfft(0.01 * torch.fft.rfft(x), n=5).tanh()

    x, g = torch.randn(3, 5).double(), torch.randn(3, 5).double()
    captured = capture(Spectrum(), (x,), {})
    found = segment_signals(captured.segments[0], segment_values(captured, captured.segments[0]), g)
    product = 1.0
    for each in found:
        assert each.gain is not None
        product *= each.gain
    given = x.requires_grad_()
    (pulled,) = torch.autograd.grad(Spectrum()(given), given, g)
    assert product == pytest.approx((pulled.norm() / g.norm()).item(), rel=1e-10)
