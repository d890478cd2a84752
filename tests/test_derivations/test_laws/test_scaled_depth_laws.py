"""Further depth laws: judged, broken, and simulated with seeds and counts fixed beforehand."""

from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp
from theorem_checks import assert_proved, named, outcomes_with, step_of

from derivations.algebra.letters import CHI
from derivations.laws.depth_axioms import AXIOMS
from derivations.laws.scaled_depth_laws import COMPRESSION, KEPT, SCALE, scaled_depth_laws

THEOREMS = named(scaled_depth_laws())


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    theorem = THEOREMS[name]
    assert_proved(theorem)
    assert theorem.certainty == "law"
    assert any(axiom.id in theorem.setting for axiom in AXIOMS)


BROKEN = {
    "the scale is not squared": (
        "depth.scaled",
        "mean square in front of one block",
        {"after": 1 + SCALE * CHI},
    ),
    "a root of L is not enough": ("depth.scaled", "α = 1/√L", {"after": sp.exp(2 * CHI)}),
    "1/L is not small": ("depth.scaled", "α = 1/L", {"after": sp.exp(CHI)}),
    "a kept block counts p²": (
        "depth.stochastic",
        "a block is kept or skipped",
        {"after": 1 + KEPT**2 * CHI},
    ),
    "division by p does nothing": (
        "depth.stochastic",
        "branch divided by p",
        {"after": 1 + CHI},
    ),
    "κ for 1/κ": (
        "depth.plain_batch_norm",
        "one layer, ReLU",
        {"after": (sp.pi - 1) / sp.pi},
    ),
    "the mean of a batch is felt": (
        "depth.over_units_relu_linear",
        "factor: 1 + χ/q_j",
        {"after": step_of(THEOREMS["depth.over_units_relu_linear"], "factor: 1 + χ/q_j").after + 1},
    ),
    "growth is not linear": (
        "depth.over_units_then_linear",
        "G_{j−1} = factor · G_j, solved",
        {"after": 1 + 2 * CHI},
    ),
    "a transition keeps the mean square": (
        "depth.dense_transition",
        "a transition, per coordinate",
        {"after": COMPRESSION**2},
    ),
    "the whole is twice": (
        "depth.dense_transition",
        "times the number of coordinates",
        {"after": sp.Integer(2)},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_step_fails_both_ways(name):
    theorem, rule, changes = BROKEN[name]
    assert outcomes_with(THEOREMS[theorem], rule, **changes) == [False, False]


Block = Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, Callable]]


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def over_units(x: np.ndarray, centred: bool) -> tuple[np.ndarray, Callable]:
    y = x - x.mean() if centred else x
    size = np.sqrt((y**2).mean())
    out = y / size

    def back(g: np.ndarray) -> np.ndarray:
        g = g - out * (out @ g) / len(g)
        return (g - g.mean() if centred else g) / size

    return out, back


def pulled_back(block: Block, width: int, depth: int, draws: int, seed: int) -> float:
    """The mean of E‖∂L/∂x₀‖² per coordinate over draws of weights, inputs and signals."""
    draw, total = np.random.default_rng(seed), 0.0
    for _ in range(draws):
        x, backs = draw.standard_normal(width), []
        for _ in range(depth):
            x, back = block(x, draw)
            backs.append(back)
        g = draw.standard_normal(width)
        for back in reversed(backs):
            g = back(g)
        total += float(g @ g) / width
    return total / draws


def normed(kind: str, centred: bool, chi: float) -> Block:
    def block(x: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, Callable]:
        n = len(x)
        gain = chi if kind == "then_linear" else 2 * chi
        weight = draw.standard_normal((n, n)) * np.sqrt(gain / n)
        if kind == "last":
            active = x > 0
            out, back = over_units(weight @ relu(x), centred)
            return x + out, lambda g: g + active * (weight.T @ back(g))
        out, back = over_units(x, centred)
        if kind == "then_linear":
            return x + weight @ out, lambda g: g + back(weight.T @ g)
        return x + weight @ relu(out), lambda g: g + back((out > 0) * (weight.T @ g))

    return block


@pytest.mark.parametrize("centred", [False, True], ids=["RMSNorm", "LayerNorm"])
@pytest.mark.parametrize("kind", ["then_linear", "relu_linear", "last"])
def test_norms_over_units_grow_linearly(kind, centred):
    """Width 192, 10 blocks, χ = 2: 21 and, with the norm last, 11, within the O(L/n) and noise."""
    found = pulled_back(normed(kind, centred, 2.0), 192, 10, 40, 3)
    expected = 11 if kind == "last" else 21
    assert found == pytest.approx(expected, rel=0.2)


def scaled(scale: float, kept: float, rescaled: bool = False) -> Block:
    def block(x: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, Callable]:
        n = len(x)
        if draw.random() >= kept:
            return x, lambda g: g
        size = scale / kept if rescaled else scale
        weight = size * draw.standard_normal((n, n)) * np.sqrt(2 / n)
        return x + weight @ relu(x), lambda g: g + (x > 0) * (weight.T @ g)

    return block


def test_scaled_and_skipped_blocks():
    depth, width = 16, 128
    root = pulled_back(scaled(depth**-0.5, 1.0), width, depth, 60, 1)
    assert root == pytest.approx((1 + 1 / depth) ** depth, rel=0.1)
    assert pulled_back(scaled(1 / depth, 1.0), width, depth, 60, 1) == pytest.approx(1, rel=0.15)
    half = pulled_back(scaled(0.5, 0.5), width, depth, 300, 2)
    assert half == pytest.approx((1 + 0.5 * 0.25) ** depth, rel=0.15)
    more = pulled_back(scaled(0.5, 0.5, rescaled=True), width, depth, 600, 2)
    assert more == pytest.approx((1 + 0.25 / 0.5) ** depth, rel=0.5)
    assert more > 10 * half


def test_a_plain_network_with_batch_norm_explodes():
    draw, width, batch, depth = np.random.default_rng(4), 192, 192, 6
    ratios = []
    for _ in range(6):
        x, tape = draw.standard_normal((batch, width)), []
        for _ in range(depth):
            weight = draw.standard_normal((width, width)) * 3 / np.sqrt(width)
            y = relu(x) @ weight.T
            spread = y.std(0)
            out = (y - y.mean(0)) / spread
            tape.append((x > 0, weight, out, spread))
            x = out
        g = draw.standard_normal((batch, width))
        start = (g**2).sum()
        for active, weight, out, spread in reversed(tape):
            g = active * (((g - g.mean(0) - out * (out * g).mean(0)) / spread) @ weight)
        ratios.append((g**2).sum() / start)
    assert np.mean(ratios) == pytest.approx((np.pi / (np.pi - 1)) ** depth, rel=0.15)


def test_dense_steps_and_transitions_keep_the_sum_of_squares():
    draw = np.random.default_rng(6)
    behind = front = 0.0
    for _ in range(1500):
        x, tape = draw.standard_normal(32), []
        for _ in range(2):
            for _ in range(5):
                weight = draw.standard_normal((8, len(x))) * np.sqrt(2 / len(x))
                tape.append((weight, x > 0, True))
                x = np.concatenate([x, weight @ relu(x)])
            weight = draw.standard_normal((len(x) // 2, len(x))) * np.sqrt(2 / len(x))
            tape.append((weight, x > 0, False))
            x = weight @ relu(x)
        g = draw.standard_normal(len(x))
        behind += g @ g
        for weight, active, dense in reversed(tape):
            old = weight.shape[1]
            g = g[:old] + active * (weight.T @ g[old:]) if dense else active * (weight.T @ g)
        front += g @ g
    assert front / behind == pytest.approx(1, rel=0.1)
