"""Scaled branches: judged, broken, attained, and held against explicit stacks."""

import numpy as np
import pytest
import sympy as sp
import torch
from theorem_checks import assert_proved, named, outcomes_with, step_of

from derivations.algebra.quantities import SIGMA_MAX
from derivations.book.proof_chain import missing
from derivations.checker.check import check
from derivations.theorems.scaled_branches import EXCESS, NEAR_IDENTITY, SCALE, SHARE, theorems
from derivations.worlds.attaining_worlds import examples
from derivations.worlds.printed_worlds import attains

THEOREMS = named(theorems())


@pytest.mark.parametrize("name", THEOREMS)
def test_every_step_is_proved(name):
    assert_proved(THEOREMS[name])


@pytest.mark.parametrize("name", ["scaled_branch.block", "norm_preservation.block"])
def test_bounds_are_said_by_steps_and_attained(name):
    theorem = THEOREMS[name]
    assert missing(theorem.proved, check(theorem.derivation)) == []
    found = examples(theorem.derivation, [bound.expr for bound in theorem.bounds])
    for bound, example in zip(theorem.bounds, found, strict=True):
        assert attains(theorem.derivation, bound.expr, example), bound.id
        assert bound.holds_for == "every backward signal"
        assert bound.limit == 1


def after(theorem: str, rule: str) -> sp.Expr:
    return step_of(THEOREMS[theorem], rule).after


BROKEN = {
    "the lower bound is above the upper": (
        "scaled_branch.block",
        "larger of two lower bounds",
        {"after": 1 + 2 * SCALE * SIGMA_MAX},
    ),
    "a smaller α misses the target": (
        "scaled_branch.target",
        "at α = (1 − γ*)/σ_max(J_F) − δ",
        {"after": sp.Symbol("gamma_*", real=True)},
    ),
    "the stack shrinks to nothing": (
        "scaled_branch.stack",
        "lower bound, L → ∞",
        {"after": sp.exp(-2 * SHARE)},
    ),
    "the stack does not grow": (
        "scaled_branch.stack",
        "upper bound, L → ∞",
        {"after": 1 + SHARE},
    ),
    "a product of sums": (
        "scaled_branch.stack",
        "upper bounds multiply",
        {"after": after("scaled_branch.stack", "upper bounds multiply") - 1},
    ),
    "a small branch takes nothing": (
        "norm_preservation.block",
        "from below at any δ = σ_max(J_F) + e",
        {"after": 1 + SIGMA_MAX + EXCESS},
    ),
    "more gets through than a small branch adds": (
        "norm_preservation.block",
        "from above at any δ = σ_max(J_F) + e",
        {"after": 1 + SIGMA_MAX - EXCESS},
    ),
    "a stack of small branches is an isometry": (
        "norm_preservation.depth",
        "upper bound of a long stack at a given λ",
        {"after": sp.Integer(1)},
    ),
    "a stack of small branches keeps more": (
        "norm_preservation.depth",
        "lower bound of a long stack at a given λ",
        {"after": sp.exp(-SHARE)},
    ),
    "the shares do not add up": (
        "norm_preservation.depth",
        "δ of all blocks together",
        {"after": SHARE},
    ),
    "the gradient is not transposed": (
        "scaled_branch.linear",
        "what A_2 → A_2 + D changes",
        {"after": 2 * after("scaled_branch.linear", "what A_2 → A_2 + D changes")},
    ),
    "a factor keeps more": (
        "scaled_branch.linear",
        "each factor keeps its share",
        {"after": 1 + SIGMA_MAX},
    ),
    "parallel branches multiply": (
        "scaled_branch.parallel",
        "both signs of W",
        {"after": after("scaled_branch.parallel", "both signs of W") / 2},
    ),
    "a layer keeps the size": (
        "scaled_branch.serial",
        "one column w of W",
        {"after": 2 * after("scaled_branch.serial", "one column w of W")},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_step_fails_both_ways(name):
    theorem, rule, changes = BROKEN[name]
    assert outcomes_with(THEOREMS[theorem], rule, **changes) == [False, False]


@pytest.mark.parametrize("seed", range(10))
def test_a_scaled_stack_keeps_its_share(seed):
    draw = np.random.default_rng(seed)
    n, depth, share = 6, int(draw.integers(2, 40)), 1.5
    g = draw.standard_normal(n)
    start = np.linalg.norm(g)
    for _ in range(depth):
        branch = draw.standard_normal((n, n))
        branch *= -share / depth / np.linalg.norm(branch, 2)
        pulled = g + branch.T @ g
        assert np.linalg.norm(pulled) >= (1 - share / depth) * np.linalg.norm(g) - 1e-12
        g = pulled
    ratio = np.linalg.norm(g) / start
    assert (1 - share / depth) ** depth * (1 - 1e-9) <= ratio <= np.exp(share) * (1 + 1e-9)


def test_what_rests_on_an_axiom_names_it():
    theorem = THEOREMS["norm_preservation.depth"]
    assert NEAR_IDENTITY[0] in theorem.statement
    assert NEAR_IDENTITY[0] in theorem.source


def gain_by_autograd(weight: torch.Tensor, x: torch.Tensor, g: torch.Tensor) -> float:
    """Of x + W tanh(x), whose branch has the Lipschitz constant ‖W‖."""
    x = x.clone().requires_grad_()
    (arrived,) = torch.autograd.grad(x + weight @ torch.tanh(x), x, g)
    return float(arrived.norm() / g.norm())


@pytest.mark.parametrize("delta", [0.01, 0.3, 0.99, 1.5])
def test_a_branch_of_small_lipschitz_constant_preserves_norms(delta):
    generator = torch.Generator().manual_seed(3)
    allowed = 1e-12
    for _ in range(200):
        weight, x, g = (
            torch.randn(*shape, generator=generator, dtype=torch.float64)
            for shape in ((6, 6), (6,), (6,))
        )
        weight *= delta / torch.linalg.matrix_norm(weight, 2)
        assert max(1 - delta, 0) - allowed <= gain_by_autograd(weight, x, g) <= 1 + delta + allowed
    at_zero = torch.zeros(6, dtype=torch.float64)  # where tanh has slope 1
    for sign in (-1, 1):
        weight = sign * delta * torch.eye(6, dtype=torch.float64)
        assert gain_by_autograd(weight, at_zero, g) == pytest.approx(abs(1 + sign * delta))


@pytest.mark.parametrize("depth", [10, 1_000, 100_000])
def test_a_stack_as_norm_preservation_has_it_grows_with_its_depth(depth):
    """Γ = (1 ± δ)^L at J_F = ±δI, against (2L)^(±c), off by about L δ²/2."""
    share = 0.5
    delta = share * np.log(2 * depth) / depth
    off = depth * delta**2
    for sign in (-1, 1):
        whole = (1 + sign * delta) ** depth
        assert np.log(whole) == pytest.approx(sign * share * np.log(2 * depth), abs=off)


@pytest.mark.parametrize("seed", range(10))
def test_a_linear_residual_network_has_no_flat_spot(seed):
    """f = ‖P − R‖²/2 of the product P, by central differences in one entry."""
    draw = np.random.default_rng(seed)
    n, depth, tau = 4, 5, 0.3
    branches = [draw.standard_normal((n, n)) for _ in range(depth)]
    branches = [tau * each / np.linalg.norm(each, 2) for each in branches]
    target = draw.standard_normal((n, n))

    def product(parts: list[np.ndarray]) -> np.ndarray:
        whole = np.eye(n)
        for each in parts:
            whole = (np.eye(n) + each) @ whole
        return whole

    error = product(branches) - target
    for index in range(depth):
        above, below = product(branches[index + 1 :]), product(branches[:index])
        gradient = above.T @ error @ below.T
        moved = [each.copy() for each in branches]
        moved[index][1, 2] += 1e-6
        slope = (((product(moved) - target) ** 2).sum() - (error**2).sum()) / 2e-6
        assert gradient[1, 2] == pytest.approx(slope, abs=1e-4)
        least = (1 - tau) ** (depth - 1) * np.linalg.norm(error)
        assert np.linalg.norm(gradient) >= least * (1 - 1e-9)
