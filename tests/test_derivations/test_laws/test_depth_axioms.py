"""Each cited fact about deep networks is simulated: seeds and counts are fixed beforehand."""

from math import comb

import numpy as np
import pytest

from derivations.laws.depth_axioms import AXIOMS, resting_on
from derivations.laws.depth_laws import depth_laws
from derivations.laws.open_depth_laws import open_depth_laws

WIDTH, DRAWS = 256, 200


def test_every_axiom_is_used_and_named_by_a_law():
    settings = [law.theorem.setting for law in depth_laws()]
    settings += [theorem.setting for theorem in open_depth_laws()]
    assert all("Rests on " in setting for setting in settings)
    named = {axiom.id for axiom in AXIOMS if any(axiom.id in setting for setting in settings)}
    assert named == {axiom.id for axiom in AXIOMS}
    assert all(axiom.source for axiom in AXIOMS)
    assert resting_on(AXIOMS[0]) == "Rests on gradient_independence."


def test_gradients_are_independent_of_what_they_meet():
    """Two blocks x + Wφ(x): masks, weights and signals multiply as if drawn anew, 4 = (1 + χ)²."""
    rng = np.random.default_rng(1)
    ratios = []
    for _ in range(DRAWS):
        x, g = rng.standard_normal((2, WIDTH))
        weights = [rng.standard_normal((WIDTH, WIDTH)) * (2 / WIDTH) ** 0.5 for _ in range(2)]
        masks = []
        for weight in weights:
            masks.append(x > 0)
            x = x + weight @ np.maximum(x, 0)
        start = g @ g
        for weight, mask in zip(reversed(weights), reversed(masks), strict=True):
            g = g + mask * (weight.T @ g)
        ratios.append(g @ g / start)
    # The spread of one ratio at this width is about 0.5, and the law's own error O(L/n).
    assert np.mean(ratios) == pytest.approx(4, abs=5 * np.std(ratios) / DRAWS**0.5 + 8 / WIDTH)


def test_a_batch_norm_keeps_all_but_two_directions():
    """(I − 11ᵀ/B − x̂x̂ᵀ/B)/s: 1 − 2/B of an independent signal, over s² → 1."""
    rng = np.random.default_rng(2)
    for batch in (8, 512):
        kept = []
        for _ in range(4000 if batch == 8 else 400):
            x, g = rng.standard_normal((2, batch))
            centred = (x - x.mean()) / x.std()
            left = g - g.mean() - centred * (centred @ g) / batch
            kept.append(left @ left / (g @ g))
        assert np.mean(kept) == pytest.approx(
            1 - 2 / batch, abs=5 * np.std(kept) / len(kept) ** 0.5
        )
    assert rng.standard_normal(200_000).var() == pytest.approx(1, abs=5 * (2 / 200_000) ** 0.5)


def test_a_mask_halves_the_moments_of_its_own_row():
    rng = np.random.default_rng(3)
    v = np.array([1.0, -2.0, 0.5])
    rows = rng.standard_normal((400_000, 3))
    active = rows[rows @ v > 0]
    moments = active.T @ active / len(rows)
    # The entries of wwᵀ have the standard deviation √2 at most.
    assert np.allclose(moments, np.eye(3) / 2, atol=5 * (2 / len(rows)) ** 0.5)


def walks(steps: int, seed: int, count: int = 200_000) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).standard_normal((count, steps)), axis=1)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_walk_stays_positive_as_sparre_andersen_says(steps):
    share = float((walks(steps, 4) > 0).all(axis=1).mean())
    assert share == pytest.approx(comb(2 * steps, steps) / 4**steps, abs=5 * 0.5 / 200_000**0.5)


@pytest.mark.parametrize(("first", "last"), [(0, 1), (1, 3), (2, 6)])
def test_a_reflected_walk_stays_positive(first, last):
    """x ↦ max(x + z, 0) from max(z, 0): positive from block first + 1 to block last."""
    rng = np.random.default_rng(5)
    count, x = 200_000, np.maximum(np.random.default_rng(6).standard_normal(200_000), 0)
    positive = np.ones(count, dtype=bool)
    for block in range(1, last + 1):
        x = np.maximum(x + rng.standard_normal(count), 0)
        if block > first:
            positive &= x > 0
    u = [comb(2 * n, n) / 4**n for n in range(last + 2)]
    expected = sum(u[k] * u[last + 1 - k] for k in range(first + 2))
    assert positive.mean() == pytest.approx(expected, abs=5 * 0.5 / count**0.5)


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_the_maximum_of_a_walk_has_spitzers_moments(steps):
    highest = np.maximum(walks(steps, 7).max(axis=1), 0)
    means = [1 / np.sqrt(2 * np.pi * k) for k in range(1, steps + 1)]  # E S_k⁺/k
    pairs = sum(
        means[j] * means[k] for j in range(steps) for k in range(steps) if j + k + 2 <= steps
    )
    for power, expected in ((1, sum(means)), (2, steps / 2 + pairs)):
        moment = highest**power
        error = 5 * moment.std() / len(moment) ** 0.5
        assert moment.mean() == pytest.approx(expected, abs=error)
