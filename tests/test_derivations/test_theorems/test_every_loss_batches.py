"""Rank, batches and slices: judged, broken, and held against explicit matrices."""

from itertools import product

import numpy as np
import pytest
import sympy as sp
from theorem_checks import assert_proved, named, outcomes_with, step_of

from derivations.algebra.letters import LAYERS
from derivations.algebra.quantities import GAIN
from derivations.algebra.steps import Certificate
from derivations.theorems.every_loss_batches import SIZE, SPREAD, theorems

THEOREMS = named(theorems())
RHO, SMALL = sp.symbols("rho e", nonnegative=True)


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    assert_proved(THEOREMS[name])


MEDIANT = step_of(THEOREMS["every_loss.batch"], "mediant, below")
BROKEN = {
    "the regulariser is not paid for": (
        "every_loss.regular_above",
        "regularised bound",
        {"after": RHO**2},
    ),
    "it is paid for once, not squared": (
        "every_loss.regular_above",
        "Pythagoras",
        {"after": 1 + SMALL},
    ),
    "a bound below that is out of reach": (
        "every_loss.regular_below",
        "regularised bound",
        {"after": 1 + RHO**2 * (GAIN**2 + SMALL**2)},
    ),
    "the mediant is above its least": (
        "every_loss.batch",
        "mediant, below",
        {"after": 2 * MEDIANT.after},
    ),
    "the least is the greatest": (
        "every_loss.batch",
        "mediant, above",
        {"relation": ">="},
    ),
    "a sample is left out": (
        "every_loss.best_labels",
        "one maximum per sample",
        {"after": step_of(THEOREMS["every_loss.best_labels"], "one maximum per sample").after / 2},
    ),
    "the next ratio is further": (
        "every_loss.best_labels",
        "the next ratio, n − τd = F for n = Σn_i, d = Σd_i",
        {"after": 2 * sp.Symbol("F", real=True)},
    ),
    "one sample is bounded": (
        "every_loss.one_sample",
        "‖g_1‖/‖∂L/∂x_1‖",
        {"after": sp.Integer(1)},
    ),
    "the other sample does not reach it": (
        "every_loss.one_sample",
        "∂L/∂x_1 = J_11ᵀg_1 + J_21ᵀg_2",
        {
            "after": step_of(
                THEOREMS["every_loss.one_sample"], "∂L/∂x_1 = J_11ᵀg_1 + J_21ᵀg_2"
            ).after
            / 9
        },
    ),
    "a slice that arrives is 0": (
        "every_loss.slice",
        "but x gets",
        {"after": 2 * step_of(THEOREMS["every_loss.slice"], "but x gets").after},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_step_fails_both_ways(name):
    theorem, rule, changes = BROKEN[name]
    assert outcomes_with(THEOREMS[theorem], rule, **changes) == [False, False]


def test_a_certificate_of_another_sign_is_refused():
    i = sp.Symbol("i", integer=True, positive=True)
    wrong = Certificate(((-sp.Sum(SPREAD[i] ** 2 * SIZE[i] ** 2, (i, 1, LAYERS)),),))
    assert outcomes_with(THEOREMS["every_loss.batch"], "mediant, below", certificates=(wrong,)) == [
        False,
        True,
    ]


@pytest.mark.parametrize("seed", range(20))
def test_nearly_singular_samples_are_bounded_both_ways(seed):
    """G_out with an eigenvalue of 1e-16: dropped it gives no bound, regularised it does."""
    draw = np.random.default_rng(seed)
    count, m, n = 3, 4, 4
    to_h = draw.standard_normal((count, m)) * np.array([1, 1, 1e-8])[:, None]
    to_x = to_h @ draw.standard_normal((m, n))
    outer, inner = to_h @ to_h.T, to_x @ to_x.T
    beta = 1e-5
    above = np.linalg.cholesky(outer + beta**2 * np.eye(count))
    below = np.linalg.cholesky(inner + beta**2 * np.eye(count))
    rho = np.linalg.norm(np.linalg.inv(above) @ to_x, 2)
    other = np.linalg.norm(np.linalg.inv(below) @ to_h, 2)
    for _ in range(100):
        a = draw.standard_normal(count) * 10.0 ** draw.integers(-9, 9, count)
        g, x = np.linalg.norm(to_h.T @ a), np.linalg.norm(to_x.T @ a)
        paid = beta**2 * (a @ a) / g**2
        square = (x / g) ** 2
        assert square <= rho**2 * (1 + paid) * (1 + 1e-6)
        assert square >= (1 / other**2 - paid) * (1 - 1e-6) - 1e-12


@pytest.mark.parametrize("seed", range(10))
def test_dinkelbach_finds_the_worst_labels(seed):
    draw = np.random.default_rng(seed)
    samples, labels = 4, 3
    top, bottom = draw.random((2, samples, labels)) + 0.1
    every = [
        sum(top[i, y] for i, y in enumerate(chosen))
        / sum(bottom[i, y] for i, y in enumerate(chosen))
        for chosen in product(range(labels), repeat=samples)
    ]
    ratio = 0.0
    for _ in range(50):
        chosen = (top - ratio * bottom).argmax(1)
        rows = np.arange(samples)
        following = top[rows, chosen].sum() / bottom[rows, chosen].sum()
        assert following >= ratio - 1e-15
        if following == ratio:
            break
        ratio = following
    assert ratio == pytest.approx(max(every), rel=1e-14)
    single = top / bottom
    assert single.min() <= min(every)
    assert max(every) <= single.max()
