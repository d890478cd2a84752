"""What the captured blocks say is held against the model, and whatever differs is named."""

import pytest
import torch
from test_numeric.branched import DualPath, Exchange, Partial, UNet, built, image
from test_validate.test_inside.test_mixed_signals import Custom
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
    assert any(
        "at 2 places between blocks the model itself" in remark for remark in found.capture.remarks
    )
    assert found.total.relative_error is not None
    assert found.total.relative_error < 1e-12


def test_an_error_before_states_is_found_behind_them(monkeypatch):
    torch.manual_seed(0)
    altered(monkeypatch, "layers.2", "pullback")
    with pytest.raises(CaptureError, match=r"^layers\.0"):
        analyze(Grown().double(), x())


@pytest.mark.parametrize("make", [UNet, Exchange, Partial, DualPath])
def test_states_are_compared_and_their_gains_telescope(make):
    found = analyze(built(make), image())
    assert any(block.kind == "state" for block in found)
    assert all(block.gain is not None for block in found)
    assert found.total.relative_error < 1e-12
    assert found.total.predicted == pytest.approx(found.total.measured, rel=1e-12)
    partly = [r for r in found.capture.remarks if "was used before" in r]
    assert bool(partly) is (make is UNet)
    if make is UNet:
        assert "at 6 places between blocks" in partly[0]


@pytest.mark.parametrize("what", ["value", "pullback"])
@pytest.mark.parametrize(
    ("make", "name"), [(UNet, "up.1"), (UNet, "cat"), (UNet, "merge.0.conv"), (Exchange, "low.0")]
)
def test_an_error_in_a_state_is_named(monkeypatch, make, name, what):
    """Also where a skip carries a part of it on to other blocks."""
    altered(monkeypatch, name, what)
    with pytest.raises(CaptureError, match=rf"^{name}: the captured state block's own {what}"):
        analyze(built(make), image())


def test_an_error_of_what_passes_is_found_where_it_was_born(monkeypatch):
    """A skip's signal is no value of the model's own until all of it is there."""
    real = signal_comparison.segment_numbers

    def wrong(model, segment, g, *, joined):
        found = real(model, segment, g, joined=joined)
        if segment.name == "up.1":
            found.numbers.pullback[:, 0].mul_(1.001)
        return found

    monkeypatch.setattr(signal_comparison, "segment_numbers", wrong)
    with pytest.raises(CaptureError, match=r"^down\.1\.conv: .* own pullback"):
        analyze(built(UNet), image())


def test_spectra_of_states_enclose_their_gains():
    found = analyze(built(Partial), image(), spectra=True)
    states = [block for block in found if block.kind == "state"]
    assert len(states) == 3
    for block in states:
        assert block.spectrum is not None
        lower = [b.value for b in block.bounds if b.side == "lower" and b.value is not None]
        upper = [b.value for b in block.bounds if b.side == "upper" and b.value is not None]
        assert max(lower) <= block.gain.min * (1 + 1e-9)
        assert min(upper) >= block.gain.max * (1 - 1e-9)


def test_signals_that_stop_inside_a_state_leave_no_signal_before_it():
    """A branch without a gradient beside a skip: the skip's own signal is all there is."""

    class Cut(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = built(Partial)

        def forward(self, h):
            return self.inner(h) * 0

    found = analyze(Cut(), image())
    assert all(block.gain is None for block in list(found)[:-1])


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


@pytest.mark.parametrize("backwards", [False, True])
def test_samples_that_depend_on_some_others_are_joined(backwards):
    """As the steps of a sequence do whose time is taken for the batch."""

    class Causal(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            summed = x.flip(0).cumsum(0).flip(0) if backwards else x.cumsum(0)
            return x + torch.tanh(summed)

    found = analyze(Causal(), x())
    assert any("coupled" in remark for remark in found.capture.remarks)


class Rolled(nn.Module):
    """Of which it is not known beforehand that it couples samples."""

    def forward(self, x: Tensor) -> Tensor:
        return x + x.roll(1, 0)


@pytest.mark.parametrize("behind", [nn.BatchNorm1d(6), Custom(), Rolled()])
def test_a_dead_layer_hides_no_coupling(behind):
    """What is behind it does not depend on the input, and its samples' signals mix all the same."""
    torch.manual_seed(0)
    first = nn.Linear(6, 6)
    nn.init.constant_(first.bias, -100.0)
    parts = nn.Linear(6, 6), behind, Block(), nn.Linear(6, 2)
    found = analyze(nn.Sequential(first, nn.ReLU(), *parts).double(), x())
    assert any("coupled" in remark for remark in found.capture.remarks)
    assert found.total.relative_error is not None
    assert found.total.relative_error < 1e-12


def test_between_dead_layers_coupling_is_seen_block_by_block():
    """Neither a change of the input nor a signal from the end gets there."""
    torch.manual_seed(0)
    dead = [nn.Linear(6, 6), nn.Linear(6, 6)]
    for each in dead:
        nn.init.constant_(each.bias, -100.0)
    parts = dead[0], nn.ReLU(), nn.Linear(6, 6), Rolled(), dead[1], nn.ReLU(), nn.Linear(6, 2)
    found = analyze(nn.Sequential(*parts).double(), x())
    assert any("coupled" in remark for remark in found.capture.remarks)


def test_dropout_couples_nothing():
    torch.manual_seed(0)
    dropping = nn.Sequential(Block(), nn.Dropout(0.5), nn.Linear(6, 2)).double().train()
    assert not any("coupled" in remark for remark in analyze(dropping, x()).capture.remarks)


def test_gains_do_not_underflow_with_the_signal():
    """Sixty sigmoid layers in float32 say what they say in float64, as far as a signal reaches."""
    torch.manual_seed(0)
    deep = [part for _ in range(60) for part in (nn.Linear(6, 6), nn.Sigmoid())]
    double = nn.Sequential(*deep).double()
    exact = {block.name: block for block in analyze(double, x())}
    single = analyze(nn.Sequential(*deep).float(), x().float())
    reached = [block for block in single if block.gain is not None]
    assert 20 < len(reached) < 60
    for block in reached:
        assert block.gain is not None
        other = exact[block.name].gain
        assert other is not None
        assert block.gain.median == pytest.approx(other.median, rel=1e-3)
        assert "dead" not in (block.lost_by or "")
        assert "kernel" not in (block.lost_by or "")


def test_what_is_in_no_block_is_said():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.one, self.other = nn.Linear(6, 6), nn.Linear(6, 2), nn.Linear(6, 2)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            x = torch.tanh(self.first(x))
            return self.one(x), torch.tanh(self.other(x))

    found = analyze(Two().double(), x())
    assert [block.name for block in found] == ["first"]
    assert any("3 operations behind it" in remark for remark in found.capture.remarks)
    whole = analyze(model(), x()).capture.remarks
    assert not any("operations" in remark for remark in whole)


def test_gradients_may_be_off_where_it_is_called():
    expected = analyze(model(), x())
    with torch.no_grad():
        assert analyze(model(), x()).blocks == expected.blocks
    outside = model()
    with torch.inference_mode():
        assert analyze(outside, torch.ones(4, 6, dtype=torch.float64)).blocks
        with pytest.raises(InputError, match="made in inference mode"):
            analyze(model(), x())


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_parts_are_concatenated_along_any_axis(axis):
    class Merging(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Linear(6, 6), nn.Linear(6, 6)

        def forward(self, x: Tensor) -> Tensor:
            x = x.unflatten(1, (2, 3)).repeat(1, 1, 2)
            return torch.cat([torch.tanh(self.one(x)), self.other(x), x], axis)

    torch.manual_seed(0)
    found = analyze(Merging().double(), x())
    assert "dense" in [block.kind for block in found]
    assert found.total.relative_error is not None
    assert found.total.relative_error < 1e-12
