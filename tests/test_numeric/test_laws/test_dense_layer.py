"""Laws of a dense weight against autograd in whole random networks.

What is right fits, what is nearly right does not. A conditional law is a statement about every
draw: P(Q ≤ measured) under each draw's own law must be uniform over draws.
"""

from dataclasses import replace

import numpy as np
import pytest
import random_networks as nets
import sympy as sp
import torch
from random_networks import Draws, Net, draw
from scipy.stats import chi2
from torch import Tensor, nn

from derivations.errors import InputError
from derivations.laws.dense_weight import ALONG, INACTIVE_SQUARE, RESPONSE
from derivations.laws.law_catalogue import law
from numeric.laws import dense_layer
from numeric.laws.chi_square import GeneralizedChiSquare
from numeric.laws.dense_layer import (
    Fit,
    batch_law,
    conditional_law,
    gain_band,
    gain_cdf,
    gain_log_probability,
    goodness_of_fit,
    independent_law,
    masked_law,
    pointwise_law,
    shared_law,
)

DRAWS, SEED, WIDTH = 21_000, 5, 16
STD = (2 / WIDTH) ** 0.5
LEVEL = 1e-3
"""A right law has a p-value above it. Seeds and counts are fixed beforehand; points among the laws
are left out of the count."""


def conditional(found: Draws, std: float = STD) -> GeneralizedChiSquare:
    return conditional_law(std, found.phi, found.u, found.h, found.v, found.active)


def naive(found: Draws, std: float = STD) -> GeneralizedChiSquare:
    """The law that holds if the signal did not depend on the weight."""
    return (
        independent_law(std, found.h, found.v)
        if found.active is None
        else masked_law(std, found.h, found.v, found.active)
    )


def seeing(found: Draws) -> Draws:
    """The draws in which the weight saw an input that is not 0."""
    return found.where(found.phi.any(1))


def assert_fits(fit: Fit) -> None:
    assert fit.p_value > LEVEL, fit
    assert fit.draws >= 20_000, fit


def gaussian(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def probed(skip: float, masked: bool, outputs: int = 9) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """‖∂L/∂x‖² over draws of W, L = ⟨h, W φ(x)⟩ + ⟨v, x⟩ at fixed x; and h, v and the mask."""
    net = Net(DRAWS, 12, 0.4, SEED)
    x, h, v = (
        gaussian(12, seed=1).expand(DRAWS, -1).clone().requires_grad_(),
        gaussian(outputs, seed=2),
        skip * gaussian(12, seed=3),
    )
    u = net.apply(x.relu() if masked else x, outputs)
    (gradient,) = torch.autograd.grad((u @ h).sum() + (x @ v).sum(), x)
    return gradient.square().sum(1), h, v, x[0] > 0


@pytest.mark.parametrize("skip", [0.0, 1.0, 100.0], ids=["plain", "skip", "large skip"])
def test_a_signal_independent_of_the_weight_follows_the_independent_law(skip):
    squares, h, v, _ = probed(skip, masked=False)
    assert_fits(goodness_of_fit(independent_law(0.4, h, v), squares))


@pytest.mark.parametrize("skip", [0.0, 1.0], ids=["plain", "skip"])
def test_behind_a_relu_it_follows_the_masked_law(skip):
    squares, h, v, active = probed(skip, masked=True)
    assert_fits(goodness_of_fit(masked_law(0.4, h, v, active), squares))
    assert_fits(goodness_of_fit(pointwise_law(0.4, h, v, active.double()), squares))
    without_mask = goodness_of_fit(independent_law(0.4, h, v), squares)
    assert without_mask.p_value < 1e-9, without_mask


@pytest.mark.parametrize("family", ["residual", "dense"])
def test_blocks_of_the_paper_with_a_random_signal(family):
    """H = Wx + x with signal g: v = h = g. H = (Wx, x) with signal (g_F, g_y): h = g_F, v = g_y."""
    net = Net(DRAWS, 12, 0.3, SEED)
    x, g = gaussian(12, seed=1).expand(DRAWS, -1).clone().requires_grad_(), gaussian(24, seed=2)
    u = net.apply(x)
    out = x + u if family == "residual" else torch.cat((u, x), 1)
    (gradient,) = torch.autograd.grad((out @ g[: out.shape[1]]).sum(), x)
    h, v = (g[:12], g[:12]) if family == "residual" else (g[:12], g[12:])
    assert_fits(goodness_of_fit(independent_law(0.3, h, v), gradient.square().sum(1)))


# (block, depth, which block, scale of the weights, loss, what the naive form's distance exceeds)
CASES = [
    (nets.residual, 2, 0, 1.0, "quadratic", 0.4),
    (nets.residual, 2, 1, 1.0, "quadratic", 0.6),
    (nets.residual, 2, 1, 0.3, "quadratic", 0.3),
    (nets.residual, 2, 1, 1.0, "cross entropy", 0.03),
    (nets.residual, 10, 0, 1.0, "quadratic", 0.08),
    (nets.residual, 10, 9, 1.0, "quadratic", 0.55),
    (nets.plain, 2, 0, 1.0, "quadratic", 0.35),
    (nets.plain, 2, 1, 1.0, "quadratic", 0.75),
    (nets.squeeze_and_excitation, 2, 0, 1.0, "quadratic", 0.3),
    (nets.squeeze_and_excitation, 2, 1, 1.0, "quadratic", 0.4),
    (nets.squeeze_and_excitation, 10, 9, 1.0, "quadratic", 0.4),
    (nets.two_layer, 2, 1, 1.0, "quadratic", 0.35),
    (nets.post_activation, 2, 1, 1.0, "quadratic", 0.45),
    (nets.dense_step, 2, 0, 1.0, "quadratic", 0.5),
]


@pytest.mark.parametrize(
    ("block", "depth", "at", "scale", "loss", "floor"),
    CASES,
    ids=lambda part: part.__name__ if callable(part) else str(part),
)
def test_inside_a_real_network_the_conditional_law_holds_and_the_naive_one_fails(
    block, depth, at, scale, loss, floor
):
    found = seeing(
        draw(block, depth=depth, at=at, draws=DRAWS, width=WIDTH, seed=SEED, scale=scale, loss=loss)
    )
    assert_fits(goodness_of_fit(conditional(found, scale * STD), found.squares))
    wrong = goodness_of_fit(naive(found, scale * STD), found.squares)
    assert wrong.distance > floor, wrong
    assert wrong.p_value < 1e-12, wrong


@pytest.mark.slow
@pytest.mark.parametrize(("width", "draws"), [(8, DRAWS), (32, DRAWS), (96, 5000)])
@pytest.mark.parametrize("block", [nets.residual, nets.squeeze_and_excitation, nets.two_layer])
def test_the_conditional_law_holds_at_every_width(block, width, draws):
    found = seeing(draw(block, depth=3, at=2, draws=draws, width=width, seed=SEED + width))
    fit = goodness_of_fit(conditional(found, (2 / width) ** 0.5), found.squares)
    assert fit.p_value > LEVEL, fit
    assert goodness_of_fit(naive(found, (2 / width) ** 0.5), found.squares).distance > 0.3


@pytest.fixture(name="found", scope="module")
def residual_draws() -> Draws:
    return seeing(draw(nets.residual, depth=2, at=1, draws=DRAWS, width=WIDTH, seed=SEED))


A = sp.Symbol("a", integer=True, positive=True)


@pytest.mark.parametrize(
    "change",
    [
        {"dof": A},
        {"dof": A - 2},
        {"shift": INACTIVE_SQUARE},
        {"shift": INACTIVE_SQUARE + ALONG**2},
        {"shift": INACTIVE_SQUARE + (ALONG - RESPONSE) ** 2},
        {"shift": (ALONG + RESPONSE) ** 2},
        {"square": sp.Symbol("va2", nonnegative=True)},
        {"square": sp.Integer(0)},
        {"scale": law("conditional").scale * sp.Rational(11, 10)},
    ],
    ids=[
        "n_a degrees",
        "n_a − 2 degrees",
        "no φ̂ term",
        "no response",
        "wrong sign",
        "no inactive",
        "mean not reduced",
        "no mean",
        "scale",
    ],
)
def test_a_conditional_law_that_is_nearly_right_is_rejected(found, change, monkeypatch):
    monkeypatch.setattr(dense_layer, "noncentral_law", lambda name: replace(law(name), **change))
    fit = goodness_of_fit(conditional(found), found.squares)
    assert fit.p_value < 1e-6, fit


def test_the_mask_matters(found):
    """Without it, D = I: the law of a block that has no ReLU."""
    everywhere = torch.ones_like(found.active)
    fit = goodness_of_fit(
        conditional_law(STD, found.phi, found.u, found.h, found.v, everywhere), found.squares
    )
    assert fit.p_value < 1e-12, fit


def test_u_must_not_hold_the_bias(found):
    fit = goodness_of_fit(
        conditional_law(STD, found.phi, found.u + 0.3, found.h, found.v, found.active),
        found.squares,
    )
    assert fit.p_value < 1e-6, fit


def test_batched_networks_are_networks_of_modules():
    """The measurement itself: one nn.Module per draw gives the same gradient."""

    class Residual(nn.Module):
        def __init__(self, weight: Tensor) -> None:
            super().__init__()
            self.linear = nn.Linear(*weight.shape[::-1], bias=False, dtype=torch.float64)
            self.linear.weight.data.copy_(weight)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.linear(x.relu())

    draws = draw(nets.residual, depth=2, at=0, draws=4, width=6, seed=3)
    net = Net(4, 6, (2 / 6) ** 0.5, 3)
    inputs = net.normal(6)
    weights = [net.normal(6, 6) * net.std for _ in range(2)]
    for i in range(4):
        x = inputs[i : i + 1].clone().requires_grad_()
        (
            nn.Sequential(*(Residual(weight[i]) for weight in weights))(x).square().sum() / 2
        ).backward()
        assert x.grad.square().sum().item() == pytest.approx(draws.squares[i].item(), rel=1e-12)


def test_the_signal_of_a_gated_block_is_the_modulated_one():
    """h = Mᵀg with M = diag(Bs) + diag(u) B diag(s(1−s)) W₂ R W₁ P, against autograd's ∂L/∂u."""
    n, channels, hidden = 12, 3, 4
    u, g, x = (gaussian(n, seed=i) for i in (1, 2, 3))
    first, second = gaussian(hidden, channels, seed=4), gaussian(channels, hidden, seed=5)
    spread = torch.eye(channels, dtype=torch.float64).repeat_interleave(n // channels, 0)
    pool = spread.T / (n // channels)
    u.requires_grad_()
    s = torch.sigmoid(second @ (first @ (pool @ u)).relu())
    (h,) = torch.autograd.grad(((spread @ s) * u + x) @ g, u)
    rectified = torch.diag((first @ (pool @ u) > 0).double())
    gate = spread @ torch.diag(s * (1 - s)) @ second @ rectified @ first @ pool
    modulation = torch.diag(spread @ s) + torch.diag(u) @ gate
    assert torch.allclose(modulation.T @ g, h, rtol=1e-12)


def behind(function, *, width: int = 8) -> dict[str, Tensor]:
    """x + W φ(x) with ½‖H‖², φ any pointwise function; the gradient at x and φ′ by autograd."""
    net = Net(DRAWS, width, 0.4, SEED)
    x = net.normal(width).requires_grad_()
    phi = function(x)
    u = net.apply(phi)
    out = x + u
    gradient, h, g = torch.autograd.grad(out.square().sum() / 2, (x, u, out), retain_graph=True)
    (slope,) = torch.autograd.grad(phi.sum(), x)
    return {"squares": gradient.square().sum(1), "phi": phi, "u": u, "h": h, "v": g, "slope": slope}


@pytest.mark.parametrize(
    "function",
    [torch.tanh, nn.LeakyReLU(0.2), nn.functional.silu],
    ids=["tanh", "leaky relu", "silu"],
)
def test_other_nonlinearities_follow_the_generalized_law(function):
    part = behind(function)
    given = batch_law(
        0.4, part["phi"][:, None], part["u"][:, None], part["h"], part["v"], part["slope"]
    )
    assert_fits(goodness_of_fit(given, part["squares"]))
    wrong = goodness_of_fit(
        pointwise_law(0.4, part["h"], part["v"], part["slope"]), part["squares"]
    )
    assert wrong.distance > 0.25, wrong


def test_a_relu_is_the_special_case_of_the_generalized_law():
    part = behind(torch.relu)
    given = batch_law(
        0.4, part["phi"][:, None], part["u"][:, None], part["h"], part["v"], part["slope"]
    )
    special = conditional_law(0.4, part["phi"], part["u"], part["h"], part["v"], part["slope"] > 0)
    wide = ~special.hidden()
    assert np.allclose(
        given.where(wide).cdf(part["squares"][wide]),
        special.where(wide).cdf(part["squares"][wide]),
        atol=2e-6,
    )


def coupled(samples: int, width: int) -> dict[str, Tensor]:
    """x + BN(W relu(x)) over a batch, BatchNorm in training mode, ½‖H‖² of all samples; measured:
    sample 0.
    """
    net = Net(DRAWS, width, 0.5, SEED)
    x = net.normal(samples, width).requires_grad_()
    phi, weight = x.relu(), net.normal(width, width) * 0.5
    u = torch.einsum("dmn,dbn->dbm", weight, phi)
    normalised = (u - u.mean(1, keepdim=True)) / (
        u.var(1, unbiased=False, keepdim=True) + 1e-5
    ).sqrt()
    out = x + normalised
    gradient, h, g = torch.autograd.grad(out.square().sum() / 2, (x, u, out))
    return {
        "squares": gradient[:, 0].square().sum(1),
        "phi": phi,
        "u": u,
        "h": h[:, 0],
        "v": g[:, 0],
        "slope": (x[:, 0] > 0).double(),
    }


def test_samples_coupled_by_batch_norm_need_the_law_given_the_whole_batch():
    part = coupled(samples=4, width=10)
    given = batch_law(0.5, part["phi"], part["u"], part["h"], part["v"], part["slope"])
    assert_fits(goodness_of_fit(given, part["squares"]))
    own = batch_law(0.5, part["phi"][:, :1], part["u"][:, :1], part["h"], part["v"], part["slope"])
    alone = goodness_of_fit(own, part["squares"])
    assert alone.p_value < 1e-9, alone


def test_inputs_of_full_row_rank_leave_nothing_random():
    part = {name: tensor[:50] for name, tensor in coupled(samples=12, width=6).items()}
    given = batch_law(0.5, part["phi"], part["u"], part["h"], part["v"], part["slope"])
    assert given.hidden().all()
    assert np.allclose(given.shift, part["squares"], rtol=1e-9)
    with pytest.raises(InputError, match="point"):
        goodness_of_fit(given, part["squares"])


def test_a_sample_of_an_uncoupled_batch_needs_only_its_own_input():
    """No BatchNorm: the law of one sample holds for each of a batch that shares one weight."""
    net = Net(DRAWS, 10, 0.5, SEED)
    x = net.normal(3, 10).requires_grad_()
    phi, weight = x.relu(), net.normal(10, 10) * 0.5
    u = torch.einsum("dmn,dbn->dbm", weight, phi)
    out = x + u
    gradient, h, g = torch.autograd.grad(out.square().sum() / 2, (x, u, out))
    given = conditional_law(0.5, *(part[:, 0].detach() for part in (phi, u, h, g)), x[:, 0] > 0)
    assert_fits(goodness_of_fit(given, gradient[:, 0].square().sum(1)))


def test_a_weight_used_twice_in_depth_is_given_both_outputs():
    """H₁ = x + Wφ(x), H₂ = H₁ + Wφ(H₁): the second input follows from the first output. Measured at
    H₁.
    """
    net = Net(DRAWS, 10, 0.8, SEED)
    x, weight = net.normal(10).requires_grad_(), net.normal(10, 10) * 0.8

    def use(value: Tensor) -> tuple[Tensor, Tensor]:
        return value.relu(), torch.einsum("dmn,dn->dm", weight, value.relu())

    phi, u = use(x)
    middle = x + u
    second_phi, second_u = use(middle)
    out = middle + second_u
    gradient, h, g = torch.autograd.grad(out.square().sum() / 2, (middle, second_u, out))
    inputs, outputs = torch.stack((phi, second_phi), 1), torch.stack((u, second_u), 1)
    slope = (middle > 0).double()
    assert_fits(
        goodness_of_fit(batch_law(0.8, inputs, outputs, h, g, slope), gradient.square().sum(1))
    )
    once = goodness_of_fit(
        batch_law(0.8, inputs[:, 1:], outputs[:, 1:], h, g, slope), gradient.square().sum(1)
    )
    assert once.p_value < 1e-9, once


def test_the_shared_law_contains_the_batch_law():
    part = {name: tensor[:40].detach() for name, tensor in coupled(samples=3, width=6).items()}
    pull = torch.einsum(
        "bo,bp,pn->bopn", part["h"], part["slope"], torch.eye(6, dtype=torch.float64)
    )
    general = shared_law(0.5, part["phi"], part["u"], pull, part["v"])
    special = batch_law(0.5, part["phi"], part["u"], part["h"], part["v"], part["slope"])
    assert np.allclose(general.mean, special.mean, rtol=1e-9)
    assert np.allclose(general.variance, special.variance, rtol=1e-9)
    wide = ~special.hidden()
    assert wide.sum() > 30
    assert np.allclose(
        general.where(wide).cdf(part["squares"][wide]),
        special.where(wide).cdf(part["squares"][wide]),
        atol=2e-6,
    )


def test_gains_have_the_probabilities_and_bands_of_the_law(found):
    given, norms = conditional(found), found.v.norm(dim=1)
    wide = ~given.hidden()
    given, norms, gains = (
        given.where(wide),
        norms[wide],
        found.squares[wide].sqrt() / found.v.norm(dim=1)[wide],
    )
    low, high = gain_band(given, norms, 0.8)
    inside = ((low <= gains.numpy()) & (gains.numpy() <= high)).mean()
    assert inside == pytest.approx(0.8, abs=5 * (0.16 / DRAWS) ** 0.5)
    assert np.allclose(gain_cdf(given, norms, low), 0.1, atol=3e-6)
    assert (gain_cdf(given, norms, -1.0) == 0).all()
    assert (gain_cdf(given, norms, 1e9) == 1).all()


def test_a_vanishing_branch_leaves_the_skip():
    """ω → 0: the law narrows to ‖v‖², first as a normal of tiny width, then as a point."""
    h, v = gaussian(6, seed=1), gaussian(6, seed=2)
    for std in (1e-4, 1e-7):
        low, high = gain_band(independent_law(std, h, v), v.norm(), 0.98)
        assert 1 - 10 * std < low < 1 < high < 1 + 10 * std
    point = independent_law(0.0, h, v)
    assert point.hidden()
    assert point.shift == pytest.approx(v.square().sum().item())
    assert point.ppf(0.5) == point.shift


def test_a_sample_with_no_active_coordinate_or_one_is_a_point():
    zero, one = torch.zeros(2, 3, dtype=torch.float64), torch.ones(2, 3, dtype=torch.float64)
    active = torch.tensor([[False, False, False], [True, False, False]])
    phi = torch.where(active, 2 * one, zero)
    given = conditional_law(1.0, phi, one, one, one, active)
    assert given.hidden().all()
    assert given.shift[0] == pytest.approx(3)
    assert given.shift[1] == pytest.approx(2 + (1 + 3 / 2) ** 2)


def test_what_breaks_a_condition_is_refused():
    n, mask = torch.ones(2, 3, dtype=torch.float64), torch.tensor([[True, False, True]] * 2)
    with pytest.raises(InputError, match="batch_law"):
        conditional_law(1.0, n, n, n, n, mask)
    with pytest.raises(InputError, match="u says nothing"):
        conditional_law(1.0, 0 * n, n, n, n)
    with pytest.raises(InputError, match="boolean"):
        masked_law(1.0, n, n, mask.double())
    with pytest.raises(InputError, match="one row per sample"):
        independent_law(1.0, n[:1], n)
    with pytest.raises(InputError, match="standard deviation"):
        independent_law(-1.0, n, n)
    with pytest.raises(InputError, match="not finite"):
        independent_law(1.0, n * np.nan, n)
    with pytest.raises(InputError, match="outputs has shape"):
        batch_law(1.0, n, n[:1], n, n)
    with pytest.raises(InputError, match="one measurement each"):
        goodness_of_fit(independent_law(1.0, n, n), [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="norm of the signal"):
        gain_cdf(independent_law(1.0, n, n), 0.0, 1.0)


@pytest.mark.parametrize(
    ("weight_std", "size"), [(1.0, 1e-170), (1e-100, 1.0), (1e200, 1.0), (1.0, 1e160)]
)
def test_what_float64_cannot_square_is_refused(weight_std, size):
    h = torch.full((1, 3), size, dtype=torch.float64)
    with pytest.raises(InputError, match="rescale"):
        independent_law(weight_std, h, 0 * h)


def test_a_sample_beyond_squares_is_refused_whatever_the_others_are():
    """It would have the band [0, 0]."""
    h = torch.ones(2, 3, dtype=torch.float64)
    h[1] *= 1e-165
    with pytest.raises(InputError, match="in sample 1, whose squares float64 cannot hold"):
        independent_law(1.0, h, 0 * h)
    low, high = gain_band(independent_law(1.0, h[:1], 0 * h[:1]), 3**0.5)
    assert 0 < low < high


def test_inputs_tell_as_much_of_a_weight_however_long_they_are():
    """A batch whose inputs differ in size by 1e20 has the law of one whose inputs do not."""
    n, m = 4, 3
    phi = torch.from_numpy(np.random.default_rng(0).standard_normal((2, n)))
    weight = torch.from_numpy(np.random.default_rng(1).standard_normal((m, n)))
    h, v = phi[:, :m], phi.flip(0)
    sizes = torch.tensor([[1.0], [1e-20]], dtype=torch.float64)
    one, other = (batch_law(1.0, size * phi, size * phi @ weight.T, h, v) for size in (1, sizes))
    assert np.allclose(one.mean, other.mean, rtol=1e-12)
    assert np.allclose(one.variance, other.variance, rtol=1e-12)


def test_tails_of_the_gain_have_their_size():
    """γ² · 3 is a chi-square of three degrees of freedom here."""
    h = torch.ones(1, 3, dtype=torch.float64)
    law_of_square, norm = independent_law(1.0, h, 0 * h), 3**0.5
    gain = 12.0
    for upper, other in ((True, chi2.logsf), (False, chi2.logcdf)):
        at = gain if upper else 1 / gain
        found = gain_log_probability(law_of_square, norm, at, upper=upper)
        assert found == pytest.approx(other(at**2, 3), rel=1e-12)
    assert gain_log_probability(law_of_square, norm, -1.0, upper=False) == -np.inf
