"""No loss leaves its bounds, and every end is attained by its witness, as autograd measures."""

import math
from itertools import combinations

import pytest
import torch
from strategies import gaussian
from torch import nn
from twins.arriving import (
    OTHERS,
    SHIFT_INVARIANT,
    chain,
    classifier,
    gain,
    inputs,
    labels,
    linear_loss,
    signals,
)

from derivations.errors import InputError
from numeric.every_loss.loss_bounds import bounds
from numeric.every_loss.reachable import LOGITS, reachable

PAIRS = list(combinations(range(5), 2))
ROUNDING = 1e-9


def holds(found, measured, rounding=ROUNDING):
    return bool(
        (measured <= found.upper * (1 + rounding)).all()
        and (measured >= found.lower * (1 - rounding)).all()
    )


def attained(links, x, found, i, j):
    """The largest relative distance of an end from what autograd measures at its witness."""
    apart = []
    for end, a in ((found.lower, found.lower_at), (found.upper, found.upper_at)):
        measured = gain(signals(links, x, linear_loss(a)), i, j)
        apart.append(float(((measured - end).abs() / found.upper).max()))
    return max(apart)


@pytest.mark.parametrize("seed", range(3))
def test_no_loss_leaves_its_class_and_every_end_is_attained(seed):
    links, x = chain(classifier(seed)), inputs(seed=seed)
    found = reachable(links, x, basis="all")
    for i, j in PAIRS:
        every, invariant = (bounds(found, i, j, cls) for cls in ("all", "shift_invariant"))
        assert (every.lower <= invariant.lower * (1 + ROUNDING)).all()
        assert (every.upper >= invariant.upper * (1 - ROUNDING)).all()
        assert every.floor.max() == 0
        assert attained(links, x, every, i, j) <= 1e-9
        assert attained(links, x, invariant, i, j) <= 1e-9
        assert (invariant.lower_at.sum(1).abs() <= 1e-12).all()
    for name, loss in {**SHIFT_INVARIANT, **OTHERS}.items():
        cls = "shift_invariant" if name in SHIFT_INVARIANT else "all"
        measured = signals(links, x, loss)
        for i, j in PAIRS:
            assert holds(bounds(found, i, j, cls), gain(measured, i, j)), name


@pytest.mark.parametrize("basis", ["all", "sum_zero", "labels"])
def test_hard_labels_are_the_extremes_over_every_label(basis):
    links, x = chain(classifier()), inputs()
    found = reachable(links, x, basis=basis)
    for i, j in PAIRS:
        each = torch.stack(
            [
                gain(
                    signals(links, x, lambda z, y=y: nn.functional.cross_entropy(
                        z, torch.full((len(z),), y), reduction="sum")), i, j,
                )
                for y in range(5)
            ]
        )  # fmt: skip
        made = bounds(found, i, j, "labels")
        assert torch.allclose(made.lower, each.amin(0), rtol=1e-9, atol=0)
        assert torch.allclose(made.upper, each.amax(0), rtol=1e-9, atol=0)
        assert attained(links, x, made, i, j) <= 1e-9


def test_one_label_is_the_gain_of_its_cross_entropy():
    links, x = chain(classifier()), inputs()
    y = labels(links[-1](torch.zeros(4, 12).double()))
    found = reachable(links, x)
    for i, j in PAIRS:
        made = bounds(found, i, j, "label", y=y)
        measured = gain(signals(links, x, SHIFT_INVARIANT["cross-entropy"]), i, j)
        assert torch.allclose(made.lower, measured, rtol=1e-9, atol=0)
        assert torch.equal(made.lower, made.upper)


def test_the_bounds_hold_against_directions_that_are_optimised():
    """Gradient ascent on the gain itself, from random starts, does not leave them and gets near."""
    links, x = chain(classifier(1)), inputs(seed=1)
    found = reachable(links, x)
    made = bounds(found, 0, 4)
    columns = [found.at(place) for place in (0, 4)]
    for sign, end in ((1, made.upper), (-1, made.lower)):
        best = torch.full_like(end, -math.inf)
        for seed in range(4):
            c = gaussian(4, 4, 1, seed=seed).requires_grad_()
            optimiser = torch.optim.Adam([c], lr=0.1)
            for _ in range(200):
                above, below = (torch.linalg.vector_norm(each @ c, dim=(1, 2)) for each in columns)
                value = sign * (above / below)
                best = torch.maximum(best, value.detach())
                optimiser.zero_grad()
                (-value.sum()).backward()
                optimiser.step()
        assert (
            (sign * best <= sign * end + 1e-12).all() if sign > 0 else (-best >= end - 1e-12).all()
        )
        assert torch.allclose((sign * best).abs(), end, rtol=1e-2)


def test_a_pair_is_never_looser_than_the_product_of_its_steps():
    found = reachable(chain(classifier()), inputs())
    for i, j in PAIRS:
        whole = bounds(found, i, j)
        steps = [bounds(found, k, k + 1) for k in range(i, j)]
        lower, upper = (
            torch.stack([getattr(s, e) for s in steps]).prod(0) for e in ("lower", "upper")
        )
        assert (whole.upper <= upper * (1 + ROUNDING)).all()
        assert (whole.lower >= lower * (1 - ROUNDING)).all()


def test_two_logits_have_one_gain_for_every_shift_invariant_loss_and_one_has_one_for_every_loss():
    links, x = chain(classifier(classes=2)), inputs()
    made = bounds(reachable(links, x), 0, 4)
    assert torch.allclose(made.lower, made.upper, rtol=1e-12)
    links = chain(classifier(classes=1))
    made = bounds(reachable(links, x, basis="all"), 0, 4, "all")
    assert torch.allclose(made.lower, made.upper, rtol=1e-12)
    assert torch.allclose(made.lower, gain(signals(links, x, OTHERS["exponential"]), 0, 4))
    with pytest.raises(InputError, match="one logit"):
        reachable(links, x)
    with pytest.raises(InputError, match="one logit"):
        bounds(reachable(links, x, basis="all"), 0, 4, "shift_invariant")


def test_duplicate_logits_are_bounded_for_signals_above_a_floor():
    """Two equal rows of the head: a difference of logits that sends nothing, here and before it."""
    model = classifier()
    model[4].weight[1] = model[4].weight[0]
    links, x = chain(model), inputs()
    found = reachable(links, x)
    alone = reachable([*links[:4], nn.Sequential(links[4], Without(1))], x)
    for i, j in PAIRS:
        made, twin = bounds(found, i, j), bounds(alone, i, j)
        assert (made.rank_out == 3).all()
        assert (made.floor > 0).all()
        assert torch.allclose(made.upper, twin.upper, rtol=1e-7)
        assert torch.allclose(made.lower, twin.lower, rtol=1e-7)
        # What the floor costs: 2^-26 of the greatest signal, against rounding of the kernel.
        assert attained(links, x, made, i, j) <= 1e-7


class Without(nn.Module):
    def __init__(self, column):
        super().__init__()
        self.column = column

    def forward(self, z):
        return torch.cat((z[:, : self.column], z[:, self.column + 1 :]), 1)


def test_where_nothing_arrives_the_bounds_are_zero_and_where_nothing_is_sent_there_are_none():
    model = classifier()
    model[2][0].weight[:] = 0
    links, x = chain(model), inputs()
    found = reachable(links, x, basis="all")
    for cls in ("all", "shift_invariant", "labels"):
        made = bounds(found, 2, 3, cls)
        assert made.lower.tolist() == made.upper.tolist() == [0.0] * 4
        none = bounds(found, 1, 2, cls)
        assert none.lower.isnan().all()
        assert none.upper.isnan().all()
        assert set(none.why_none) == {0, 1, 2, 3}
        assert "reaches the block's output" in none.why_none[0]


def test_a_label_whose_signal_cancels_but_for_rounding_has_no_gain():
    """w₀ = r₁w₁ + r₂w₂: with the label 0 cross-entropy sends nothing, whatever rounding says."""
    model = classifier(classes=3)
    links, x = chain(model), inputs(1)
    r = model(x)[0, 1:].softmax(0)
    model[4].weight[0] = r @ model[4].weight[1:]
    found = reachable(links, x)
    made = bounds(found, 0, 4, "labels")
    twins = [
        gain(
            signals(links, x, lambda z, y=y: nn.functional.cross_entropy(z, torch.tensor([y]))),
            0,
            4,
        )
        for y in (1, 2)
    ]
    assert 0 < made.floor.item() < 1e-13
    assert made.rank_out.item() == 2
    assert made.lower.item() == pytest.approx(min(twins).item(), rel=1e-9)
    assert made.upper.item() == pytest.approx(max(twins).item(), rel=1e-9)
    assert bounds(found, 0, 4, "label", y=torch.tensor([0])).lower.isnan().all()


def test_a_lower_bound_of_zero_is_zero():
    """A block through which one direction of five is lost."""
    torch.manual_seed(0)
    narrow = nn.Linear(12, 12).double()
    narrow.weight.data[:, 3:] = 0
    links = [*chain(classifier())[:3], narrow, nn.Linear(12, 5).double()]
    made = bounds(reachable(links, inputs()), 3, 4)
    assert made.lower.tolist() == [0.0] * 4
    assert (made.rank_in == 3).all()
    assert (made.rank_out == 4).all()
    assert attained(links, inputs(), made, 3, 4) <= 1e-9


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_saturated_softmax_changes_nothing_but_the_labels_of_the_loss(dtype):
    model = classifier().to(dtype)
    model[4].weight *= 2e4
    links, x = chain(model), inputs().to(dtype)
    found = reachable(links, x, basis="all")
    p = found.logits.softmax(1)
    assert (p.amax(1) == 1).any()
    for i, j in PAIRS:
        made, invariant = bounds(found, i, j, "labels"), bounds(found, i, j)
        assert made.lower.isfinite().all()
        slack = 1e-9 if dtype == torch.float64 else 1e-4
        assert (made.lower >= invariant.lower * (1 - slack)).all()
        assert (made.upper <= invariant.upper * (1 + slack)).all()
        assert (made.lower_at.sum(1).abs() <= 1e-12).all()


def test_the_angle_leads_from_the_loss_itself_to_every_loss():
    links, x = chain(classifier()), inputs()
    found = reachable(links, x)
    to = torch.autograd.grad(SHIFT_INVARIANT["soft labels"](z := found.logits.requires_grad_()), z)[
        0
    ]
    measured = gain(signals(links, x, SHIFT_INVARIANT["soft labels"]), 0, 4)
    last = None
    for theta in (0.0, 1e-3, 0.1, 0.5, 1.0, 1.4, math.pi / 2):
        made = bounds(found, 0, 4, "angle", to=to, theta=theta)
        assert holds(made, measured)
        if theta == 0:
            assert torch.allclose(made.lower, measured, rtol=1e-6)
            assert torch.allclose(made.upper, measured, rtol=1e-6)
        else:
            assert attained(links, x, made, 0, 4) <= 1e-7
            for a in (made.lower_at, made.upper_at):
                angle = (
                    torch.nn.functional.cosine_similarity(a, to, dim=1).abs().clamp(max=1).acos()
                )
                assert (angle <= theta + 1e-6).all()
        if last is not None:
            assert (made.upper >= last.upper - 1e-9).all()
            assert (made.lower <= last.lower + 1e-9).all()
        last = made
    whole = bounds(found, 0, 4)
    assert torch.allclose(last.upper, whole.upper)
    assert torch.allclose(last.lower, whole.lower)


def test_no_loss_within_the_angle_leaves_its_bounds():
    links, x = chain(classifier(2)), inputs(seed=2)
    found = reachable(links, x, basis="all")
    to = gaussian(4, 5, seed=3)
    made = bounds(found, 1, 4, "angle", to=to, theta=0.3)
    for seed in range(200):
        away = gaussian(4, 5, seed=seed + 100)
        away -= (away * to).sum(1, keepdim=True) / to.square().sum(1, keepdim=True) * to
        a = to / to.norm(dim=1, keepdim=True) + math.tan(0.3) * away / away.norm(
            dim=1, keepdim=True
        )
        assert holds(made, gain(signals(links, x, linear_loss(a)), 1, 4))


def test_sizes_are_bounded_against_the_logits_own_signals():
    links, x = chain(classifier()), inputs()
    found = reachable(links, x)
    made = bounds(found, 0, LOGITS)
    for loss in SHIFT_INVARIANT.values():
        z = found.logits.clone().requires_grad_()
        (a,) = torch.autograd.grad(loss(z), z)
        size = signals(links, x, loss)[0].norm(dim=1) / a.norm(dim=1)
        assert holds(made, size)


def test_sizes_follow_from_the_loss_level_of_a_hard_label():
    """(1 − e^−ℓ)√(K/(K − 1)) σ_min ≤ ‖∂L/∂h‖ ≤ (1 − e^−ℓ)√2 σ_max, ℓ the sample's cross-entropy."""
    links, x = chain(classifier()), inputs()
    found = reachable(links, x)
    y = labels(found.logits)
    level = nn.functional.cross_entropy(found.logits, y, reduction="none")
    for place in range(5):
        made = bounds(found, place, LOGITS)
        size = signals(links, x, SHIFT_INVARIANT["cross-entropy"])[place].norm(dim=1)
        share = 1 - (-level).exp()
        assert (size <= share * 2**0.5 * made.upper * (1 + ROUNDING)).all()
        assert (size >= share * (5 / 4) ** 0.5 * made.lower * (1 - ROUNDING)).all()


def test_bounds_of_a_float32_network_are_those_of_its_stored_columns():
    links, x = chain(classifier().float()), inputs().float()
    found = reachable(links, x)
    made = bounds(found, 0, 4)
    for name, loss in SHIFT_INVARIANT.items():
        # Autograd's own rounding of each signal, at the condition of these networks.
        assert holds(made, gain(signals(links, x, loss), 0, 4).double(), 1e-4), name


def test_what_a_basis_does_not_hold_is_refused():
    found = reachable(chain(classifier()), inputs())
    with pytest.raises(InputError, match="say nothing of the class 'all'"):
        bounds(found, 0, 4, "all")
    with pytest.raises(InputError, match="unknown class"):
        bounds(found, 0, 4, "each")
    with pytest.raises(InputError, match="no signals of 9"):
        bounds(found, 9, 4)
    with pytest.raises(InputError, match="belongs to"):
        bounds(found, 0, 4, y=torch.zeros(4).long())
    with pytest.raises(InputError, match="none of 0"):
        bounds(found, 0, 4, "angle", to=torch.ones(4, 5), theta=2.0)
    with pytest.raises(InputError, match="not in the basis"):
        bounds(found, 0, 4, "angle", to=torch.ones(4, 5), theta=0.1)
    with pytest.raises(InputError, match="label is none of"):
        bounds(found, 0, 4, "label", y=torch.full((4,), 7))
