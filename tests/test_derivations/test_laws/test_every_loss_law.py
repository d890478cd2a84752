"""The law of a random layer for every loss: judged, broken, and held against drawn layers."""

import numpy as np
import pytest
from theorem_checks import assert_proved, named, outcomes_with

from derivations.book.results import axioms
from derivations.laws.every_loss_law import (
    AXIOMS,
    LEAST_ACROSS,
    MOST_ACROSS,
    REACHED,
    every_loss_laws,
)

THEOREMS = named(every_loss_laws())
LAW = THEOREMS["every_loss.random_layer"]


def test_every_step_is_proved():
    assert_proved(LAW)
    assert LAW.certainty == "law"


def test_its_axioms_are_cited():
    cited = {axiom.id for axiom in axioms()}
    for axiom in AXIOMS:
        assert axiom.id in LAW.setting
        assert axiom.id in cited
    assert "2e^(−τ²/2)" in LAW.statement


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("Wĥ and WP are uncorrelated", {"relation": ">="}),
        ("P is a projection", {"relation": "<="}),
        ("least singular value", {"after": LEAST_ACROSS + REACHED}),
        ("operator norm, Cauchy–Schwarz", {"after": MOST_ACROSS**2 / 9}),
        ("across and along ĥ", {"after": MOST_ACROSS**2}),
    ],
)
def test_a_broken_step_fails_both_ways(rule, changes):
    assert outcomes_with(LAW, rule, **changes) == [False, False]


def signals(u: np.ndarray, count: int) -> np.ndarray:
    """Orthonormal columns that follow u = Wh closely: its own direction is among them."""
    columns = [u, np.maximum(u, 0), np.abs(u) ** 3, *(np.roll(u, i) for i in range(1, count - 2))]
    return np.linalg.qr(np.stack(columns, axis=1))[0]


def test_it_holds_with_its_probability_though_signals_follow_the_weights():
    draw = np.random.default_rng(5)
    width, count, draws, tau = 96, 6, 300, 0.9
    spread = np.sqrt(2 / width)
    violated, naive = 0, 0
    for _ in range(draws):
        weight = draw.standard_normal((width, width)) * spread
        h = draw.standard_normal(width)
        u = weight @ h
        basis = signals(u, count)
        ends = np.linalg.svd(basis.T @ weight, compute_uv=False)
        edge = np.sqrt(count) + tau
        least = spread * (np.sqrt(width - 1) - edge)
        across = spread * (np.sqrt(width - 1) + edge)
        along = ((basis.T @ u) ** 2).sum() / (h @ h)
        violated += ends[-1] < least or ends[0] ** 2 > across**2 + along
        naive += ends[0] > across
    assert violated / draws <= 2 * np.exp(-(tau**2) / 2)
    # At this τ the level is no empty one, yet the law's slack makes violations rare.
    assert violated <= draws / 10
    assert naive >= violated


def test_the_numbers_of_a_wide_layer():
    width, count, tau = 1024, 10, 3
    spread = np.sqrt(2 / width)
    least = spread * (np.sqrt(width - 1) - np.sqrt(count) - tau)
    most = spread * (np.sqrt(width - 1) + np.sqrt(count) + tau)
    assert (least, most) == pytest.approx((1.14, 1.69), abs=0.005)
