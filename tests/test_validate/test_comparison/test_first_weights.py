"""Tests the law of a first convolution drawn anew: against draws, and blind to other scales."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from test_validate.compared import subject
from torch import nn

from derivations.errors import InputError
from validate.comparison.compare_network import law_row
from validate.comparison.first_weights import first_weights, scaled
from validate.comparison.predict import Prediction
from validate.networks.segments import Plain, Residual

DRAWS = 1000
CASES = [
    ("plain-8", 0),
    ("residual-8", 0),
    ("residual-8", 2),
    ("se_residual-8", 0),
    ("dense-10", 1),
    ("dense-10", 2),
]
"""A network, and the number of its block: with an identity, with a projection, with a mask before
the convolution, a transition."""


def place(name, index):
    """A segment of a trained-looking network in float64, what arrives at it from both sides, and
    its first convolution.
    """
    network, seen = subject(name)
    twin = network.double().eval().requires_grad_(False)
    block = [
        k
        for k, (_, segment) in enumerate(twin.chain())
        if any(isinstance(part, nn.Conv2d) for part in segment.modules())
    ][index]
    _, segment = list(twin.chain())[block]
    convolution = next(part for part in segment.modules() if isinstance(part, nn.Conv2d))
    return (
        segment,
        convolution,
        seen.activations[block],
        seen.signals[block + 1],
        seen.signals[block],
    )


def redrawn(segment, convolution, x, g, std):
    """∂⟨g, H⟩/∂x with the convolution's weights drawn anew in the way back alone, by autograd."""
    generator = torch.Generator().manual_seed(3)
    outputs = []
    handle = convolution.register_forward_hook(
        lambda _, __, output: outputs.append(output.detach().requires_grad_()) or outputs[-1]
    )
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        (v, h) = torch.autograd.grad(segment(x), (x, outputs[0]), g, materialize_grads=True)
        handle.remove()
        found = []
        for _ in range(DRAWS):
            convolution.weight.copy_(
                std
                * torch.randn(convolution.weight.shape, generator=generator, dtype=torch.float64)
            )
            reached = []
            handle = convolution.register_forward_hook(
                lambda _, __, output, reached=reached: reached.append(output)
            )
            segment(x)
            handle.remove()
            found.append(v + torch.autograd.grad(reached[0], x, h)[0])
    return torch.stack(found)


@pytest.mark.parametrize(("name", "index"), CASES)
def test_new_weights_follow_the_law(name, index):
    segment, convolution, x, g, _ = place(name, index)
    x, g = x[:1], scaled(g, g)[:1]
    made = first_weights(segment, x, g, trained=True)
    pulled = redrawn(segment, convolution, x, g, made.weight_std)
    squares = pulled.flatten(1).square().sum(1).numpy()
    arrived = (pulled - made.v).flatten(1)
    base = made.v.square().sum()
    assert kstest(made.square.cdf(squares[:, None])[:, 0], "uniform").pvalue > 1e-3
    assert kstest(made.square.cdf(squares[:, None] * 1.3)[:, 0], "uniform").pvalue < 1e-6
    expected = arrived.square().sum(1).mean() / (base if base > 0 else 1)
    assert made.chi.item() == pytest.approx(expected.item(), rel=0.05)
    if base > 0:
        aligned = (arrived @ made.v.flatten() / made.deviation).numpy()
        assert kstest(aligned, "norm").pvalue > 1e-3
        assert kstest(aligned * 1.6, "norm").pvalue < 1e-6
    else:
        assert made.deviation.item() == 0


@pytest.mark.parametrize(("name", "index"), CASES)
def test_the_size_of_the_signal_is_no_matter(name, index):
    segment, _, x, g, before = place(name, index)
    rows = []
    for factor in (1.0, 2.0**-900, 2.0**900):
        prediction = Prediction(
            torch.ones(len(g), dtype=torch.bool),
            None,
            first_weights(segment, x, g * factor, trained=False),
        )
        rows.append(
            law_row(
                torch.ones(len(g), dtype=torch.float64), before * factor, g * factor, prediction
            )
        )
    assert rows[0] == rows[1] == rows[2]


def test_weights_as_drawn_have_the_deviation_of_the_initialization():
    segment, convolution, x, g, _ = place("residual-8", 0)
    drawn, trained = (
        first_weights(segment, x, g, trained=trained).weight_std for trained in (False, True)
    )
    assert drawn == pytest.approx((2 / (9 * 4)) ** 0.5)
    assert trained == pytest.approx(convolution.weight.square().mean().sqrt().item())
    assert drawn != trained


class Twice(Plain):
    """x ↦ W W x, with one W."""

    def forward(self, x):
        return self.branch(self.branch(x))


def test_a_weight_that_is_used_twice_is_refused():
    x = torch.ones(1, 2, 3, 3, dtype=torch.float64)
    with pytest.raises(InputError, match="used 2 times"):
        first_weights(Twice(nn.Conv2d(2, 2, 1).double()), x, x, trained=True)


@pytest.mark.parametrize(
    "before",
    [nn.AvgPool2d(3, 1, 1), nn.MaxPool2d(2), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1), nn.Softmax(1)],
)
def test_a_map_before_the_convolution_that_is_not_pointwise_is_refused(before):
    """A convolution stands here for any linear map: it is hidden from `modules`.

    Batch normalization is in training mode.
    """
    segment = Plain(nn.Sequential(nn.Conv2d(2, 3, 1))).double()
    hidden = before.double()
    segment.branch.register_forward_pre_hook(lambda _, arguments: (hidden(arguments[0]),))
    x = torch.linspace(-1, 1, 64, dtype=torch.float64).view(2, 2, 4, 4).sin()
    with pytest.raises(InputError, match="not pointwise"):
        first_weights(segment, x, torch.ones_like(segment(x)), trained=True)


@pytest.mark.parametrize("deviation", [1.0, 1e-9, 1e-30])  # of the last scale of the branch
def test_the_mean_square_of_a_small_branch_is_not_lost_beside_the_skip(deviation):
    segment, _, x, g, _ = place("residual-8", 0)
    expected = first_weights(segment, x, g, trained=True).chi * deviation**2
    segment.branch[4].weight.mul_(deviation)
    found = first_weights(segment, x, g, trained=True).chi
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-9, abs=0)


def test_a_dead_branch_has_a_mean_square_of_zero():
    segment, _, x, g, _ = place("dense-10", 1)
    segment.branch[0].bias.fill_(-1e6)
    made = first_weights(segment, x, g, trained=True)
    assert made.chi.tolist() == made.deviation.tolist() == [0.0] * len(x)


def test_vanished_signals_and_laws_that_are_points_leave_no_number():
    segment, convolution, x, g, before = place("residual-8", 0)
    live = torch.tensor([True, False, True])
    prediction = Prediction(live, None, first_weights(segment, x[live], g[live], trained=True))
    row = law_row(torch.ones(3, dtype=torch.float64), before, g, prediction)
    for gains in (row.chi, row.probability, row.alignment):
        assert [gain is None for gain in gains] == [False, True, False]
    convolution.weight.zero_()
    prediction = Prediction(live, None, first_weights(segment, x[live], g[live], trained=True))
    point = law_row(torch.ones(3, dtype=torch.float64), before, g, prediction)
    assert point.weight_std == 0
    assert max(point.chi[0], point.chi[2]) < 1e-15
    assert point.probability == point.alignment == (None, None, None)


def test_what_was_measured_is_where_it_lies():
    """An alignment and a probability from another way: ⟨v, ∂L/∂x − v⟩ of the raw signals, and the
    law's own quantile.
    """
    segment, _, x, g, before = place("residual-8", 0)
    weights = first_weights(segment, x, g, trained=True)
    middle = torch.from_numpy(np.sqrt(weights.square.ppf(0.25)))
    row = law_row(middle, before, g, Prediction(torch.ones(3, dtype=torch.bool), None, weights))
    assert row.probability == pytest.approx((0.25,) * 3, abs=1e-4)
    length = g.flatten(1).norm(dim=1)
    # The skip is the identity: v = g.
    aligned = (g * (before - g)).flatten(1).sum(1) / length**2 / weights.deviation
    assert row.alignment == pytest.approx(aligned.tolist(), rel=1e-3)


@pytest.mark.parametrize(("kind", "follows"), [("normal", True), ("low rank", False)])
def test_weights_that_are_no_independent_draws_leave_the_law_though_signals_do_not_depend_on_them(
    kind, follows
):
    generator = torch.Generator().manual_seed(7)

    def drawn(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    # Linear, so that h is W₂ᵀg.
    branch = nn.Sequential(
        nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.Conv2d(4, 4, 3, padding=1, bias=False)
    )
    segment = Residual(branch, nn.Identity()).double().requires_grad_(False)
    found = []
    for _ in range(200):
        branch[0].weight.copy_(
            drawn(4, 4, 3, 3) if kind == "normal" else drawn(4, 1, 1, 1) * drawn(1, 4, 3, 3)
        )
        branch[1].weight.copy_(drawn(4, 4, 3, 3))
        x, g = drawn(1, 4, 5, 5).requires_grad_(), drawn(1, 4, 5, 5)
        (arrived,) = torch.autograd.grad(segment(x), x, scaled(g, g))
        law = first_weights(segment, x, g, trained=True).square
        found.append(law.cdf(arrived.square().sum().numpy()[None])[0])
    p = kstest(found, "uniform").pvalue
    assert (p > 1e-3) == follows, p
