"""Each way of losing the gradient is told from the others, by numbers of the block alone."""

import re
from dataclasses import replace

import pytest
import torch
from test_numeric.branched import UNet, built, image
from torch import Tensor, nn

from numeric import capture, segment_numbers, segment_spectra
from numeric.settings import Effort
from validate.inside.causes import (
    Cause,
    _above,
    _below,
    _for_every_signal,
    _mostly_shut,
    cause_of,
)
from validate.inside.inner_causes import InnerCause, OpenShare, inner_cause_of
from validate.inside.inner_steps import inner_steps


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


def cause(
    model: nn.Module, x: Tensor | None = None, g: Tensor | None = None, spectra: bool = False
) -> Cause:
    torch.manual_seed(0)
    x = 1e-4 * torch.randn(3, 4) if x is None else x
    found = capture(model.double(), (x.double(),), {})
    (segment,) = found.segments
    g = torch.randn(found.value(segment.exit).shape).double() if g is None else g.double()
    numbers = segment_numbers(found, segment, g).numbers
    inside = inner_cause_of(found, segment, inner_steps(found)[0], g)
    more = segment_spectra(found, segment, g, Effort()) if spectra else None
    return cause_of(segment, numbers, inside, more)


def gain(model: nn.Module, x: Tensor, g: Tensor) -> Tensor:
    given = x.double().requires_grad_()
    (pulled,) = torch.autograd.grad(model.double()(given), given, g.double())
    return pulled.flatten(1).norm(dim=1) / g.double().flatten(1).norm(dim=1)


def test_a_gain_that_is_large_enough_has_no_cause():
    assert cause(Skip(0.1)) == Cause()


def test_branch_and_skip_that_cancel():
    found = cause(Skip(-0.9))
    assert "anti-alignment" in (found.lost_by or "")
    assert "t = 0.9" in (found.lost_by or "")
    assert "α = 0.55 leaves 0.5" in (found.advice or "")


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


class Scaled(nn.Module):
    """x W + α F(x), W the identity where it is not given."""

    def __init__(self, size: float, skip: Tensor | None = None) -> None:
        super().__init__()
        self.alpha = 1.0
        self.skip = nn.Identity() if skip is None else nn.Linear(4, 4, bias=False)
        if skip is not None:
            self.skip.weight.data = skip
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight.data *= size

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.alpha * self.second(torch.tanh(self.first(x)))


def advised(words: str | None) -> tuple[float, float]:
    """The α of an advice, and what it promises to leave."""
    found = re.search(r"α = ([\d.e+-]+).* (?:leaves|≥ 1 − t|=) ?([\d.]+)", words or "")
    assert found is not None, words
    return float(found[1]), float(found[2])


@pytest.mark.parametrize("skip", [None, 0.3 * torch.eye(4), torch.diag(torch.arange(1.0, 5.0))])
@pytest.mark.parametrize("size", [-30.0, 60.0, 400.0])
def test_a_scale_that_is_advised_keeps_its_promise_for_every_sample(size, skip):
    torch.manual_seed(3)
    model, x, g = Scaled(size, skip), torch.randn(5, 4), torch.randn(5, 4)
    found = cause(model, x, g)
    if found == Cause():
        return
    model.alpha, left = advised(found.advice)
    after = gain(model, x, g)
    if "expansion" in (found.lost_by or ""):
        assert after.max() <= left + 1e-9
    else:
        assert after.min() >= left - 1e-9


def test_an_expansion_is_named_and_its_advice_holds():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
    model[0].weight.data *= 300
    x, g = 1e-5 * torch.randn(3, 4), torch.ones(3, 4)
    nn.init.zeros_(model[0].bias)
    found = cause(model, x, g)
    assert "expansion: without a skip" in (found.lost_by or "")
    assert "most of it is made by 0, " in (found.lost_by or "")
    scale, _ = advised(found.advice)
    assert (scale * gain(model, x, g)).median().item() == pytest.approx(1, rel=0.02)
    assert "expansion: the branch sends back t = " in (cause(Scaled(400.0)).lost_by or "")


def test_with_spectra_the_advice_holds_for_every_signal():
    """The branch is diag(−3.1, −0.9, 0.2, 0), and the signal meets the second entry alone."""
    model = Skip(1.0)
    model.layer.weight.data = torch.diag(torch.tensor([-3.1, -0.9, 0.2, 0.0]))
    found = cause(model, g=torch.eye(4)[1:2].repeat(3, 1), spectra=True)
    assert "anti-alignment" in (found.lost_by or "")
    assert found.advice == (
        "σ_max of the branch is at most 3.1 here; scaled by α = 0.16 "
        "it leaves 1 − ασ = 0.5 ≤ γ ≤ 1 + ασ = 1.5 for every signal"
    )
    model.layer.weight.data *= 0.16  # near 0 the slopes of tanh are 1
    for signal in torch.eye(4):
        assert 0.49 < gain(model, 1e-4 * torch.randn(3, 4), signal.expand(3, 4)).min() < 1.1


def test_a_chance_of_error_is_said():
    torch.manual_seed(1)
    model = Scaled(-9.0)
    found = capture(model.double(), (torch.zeros(1, 4).double(),), {})
    (segment,) = found.segments
    g = torch.ones(1, 4).double()
    spectra = segment_spectra(found, segment, g, Effort())
    upper = next(each for each in spectra.bounds if each.id == "residual.uniform.upper")
    unsure = replace(upper, certainty="probable", delta=1e-6, value=torch.tensor([4.2]))
    said = _for_every_signal(replace(spectra, bounds=(unsure,)))
    assert (said or "").startswith(
        "σ_max of the branch is at most 3.2 here (probable, δ = 1e-06 a sample); scaled by α = "
    )
    endless = replace(upper, value=torch.tensor([torch.inf]))
    assert _for_every_signal(replace(spectra, bounds=(endless,))) is None


def test_numbers_are_rounded_to_the_side_of_the_promise():
    assert [_below(x) for x in (0.166, 3.0, 0.5, 1234.0)] == [0.16, 3.0, 0.5, 1200.0]
    assert [_above(x) for x in (0.161, 3.0, 1.5, 1234.0)] == [0.17, 3.0, 1.5, 1300.0]


def test_a_skip_around_a_block_that_contracts_keeps_its_promise():
    torch.manual_seed(0)
    model, x, g = nn.Sequential(nn.Linear(4, 4), nn.Tanh()), torch.randn(3, 4), torch.randn(3, 4)
    nn.init.normal_(model[0].weight, std=0.02)
    found = cause(model, x, g)
    left = float(re.search(r"now: ([\d.]+)", found.advice or "")[1])

    class Around(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + model(x)

    assert 0.9 < left <= gain(Around(), x, g).min() + 0.005
    assert "least of it passes 0, " in (found.lost_by or "")
    wide = nn.Sequential(nn.Linear(4, 6), nn.Tanh())
    nn.init.normal_(wide[0].weight, std=0.02)
    assert cause(wide, x).advice is None  # no skip fits


def test_a_leaky_slope_is_advised_for_a_dead_relu_and_holds():
    torch.manual_seed(0)
    x, g = torch.randn(5, 4), torch.randn(5, 8)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
    model[0].bias.data[:6] = -50
    found = cause(model, x, g)
    assert found.lost_by is not None
    assert found.lost_by.startswith("mask: 7 of 8 units of 1 pass no signal on any sample")
    assert found.lost_by.endswith("nothing gets through for 80% of the samples")
    assert "slope a has γ ≥ min(a, 1)" in (found.advice or "")
    assert gain(nn.LeakyReLU(0.01), model[0](x.double()).detach(), g).min() >= 0.01 * (1 - 1e-12)


def test_a_dead_branch_is_a_cause_without_a_loss():
    torch.manual_seed(0)

    class Dead(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.act, self.second = nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4)
            nn.init.constant_(self.first.bias, -50.0)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.second(self.act(self.first(x)))

    found = cause(Dead())
    assert found.lost_by == (
        "the branch passes nothing: mask: all 6 units of act pass no signal on any sample of this "
        "batch (dead units)"
    )
    zero = Scaled(0.0)
    assert cause(zero).lost_by == "the branch passes nothing: kernel: the weight of second is 0"


def test_where_only_some_samples_get_nothing_their_share_is_said():
    x = torch.tensor([[-1.0] * 4, [-1.0] * 4, [1.0] * 4])
    assert "0 for 67% of the samples" in (cause(nn.ReLU(), x).lost_by or "")


def test_a_leaky_slope_is_not_advised_for_another_cause():
    layer = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    nn.init.normal_(layer[0].weight, std=0.01)
    nn.init.ones_(layer[0].bias)
    assert "with a skip" in (cause(layer).advice or "")


def test_a_branch_that_passes_nothing_of_some_samples_says_of_how_many():
    class Some(nn.Module):
        """As stochastic depth, which drops the branch of whole samples."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            kept = torch.tensor([0.0, 1.0, 0.0]).to(x)
            return x + kept[:, None] * torch.tanh(self.layer(x))

    assert cause(Some()).lost_by == "the branch passes nothing for 67% of the samples"


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


def test_a_mean_is_no_loss_and_a_weak_layer_before_it_is_one():
    torch.manual_seed(0)
    x = torch.randn(3, 4, 16, 16)
    pooled = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Tanh(), nn.AdaptiveAvgPool2d(1))
    nn.init.dirac_(pooled[0].weight)
    nn.init.zeros_(pooled[0].bias)
    assert cause(pooled, x) == Cause()
    pooled[0].weight.data *= 0.02
    said = cause(pooled, x).lost_by or ""
    assert said.startswith("contraction: without a skip, what arrives is ‖Jᵀg‖ = 0.0012 ‖g‖, 0.02 ")
    assert said.endswith("apart from its averages; least of it passes 0, 0.02")


def test_a_relu_that_is_open_at_few_entries_is_named():
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU()), torch.randn(3, 4, 16, 16)
    nn.init.dirac_(model[0].weight)
    nn.init.constant_(model[0].bias, -2.0)
    share = float((model(x) > 0).double().mean())
    found = cause(model, x)
    assert (found.lost_by or "").startswith(
        f"mask: the ReLU 1 lets {share:.1%} of its entries through"
    )
    assert found.advice is None


@pytest.mark.parametrize(
    ("mask", "named"),
    [(OpenShare("r", 0.02, 0.14), True), (OpenShare("r", 0.3, 0.14), False),
     (OpenShare("r", 0.02, 0.5), False), (None, False)],
)  # fmt: skip
def test_a_mask_is_the_cause_where_most_of_the_loss_is_its_own(mask, named):
    said = _mostly_shut(0.08, InnerCause(mask=mask))
    assert (said is not None) is named
    if said is not None:
        assert said.advice is None
        assert (said.lost_by or "").startswith(
            "mask: the ReLU r lets 2.0% of its entries through, which leaves 0.14 of the signal"
        )
