"""The depth laws: every step passes, wrong recurrences fail, closed forms are the products."""

from dataclasses import replace
from fractions import Fraction
from math import prod

import numpy as np
import pytest
import sympy as sp

from derivations.algebra.letters import BLOCK, CHI, DEPTH, LAYERS
from derivations.algebra.steps import Derivation, Step
from derivations.checker.check import check
from derivations.laws import depth_laws as depth_laws_module
from derivations.laws.depth_laws import FIRST_WIDTH, LAYER, DepthLaw, depth_laws
from derivations.laws.gaussian_moments import (
    KAPPA,
    RELU_KAPPA,
    pass_through,
)

LAWS = {law.network: law for law in depth_laws()}
GEOMETRIC = ("plain", "residual", "se_held")
DENSE = ("dense", "dense_unequal", "dense_last")
ROW = "G_{j−1} = factor · G_j, solved", "G_{i−1} = factor · G_i, solved"


def judged(law: DepthLaw, step: Step):
    return check(Derivation("one step", law.theorem.derivation.notation, (step,)))[0]


def step_of(law: DepthLaw, *rules: str) -> Step:
    return next(step for step in law.theorem.derivation.steps if step.rule in rules)


@pytest.mark.parametrize("network", LAWS)
def test_every_step_passes_in_two_ways(network):
    for checked in check(LAWS[network].theorem.derivation):
        assert checked.ok, (checked.step.rule, checked.checks)
        assert len({outcome.method for outcome in checked.checks}) == 2


@pytest.mark.parametrize("network", LAWS)
def test_the_closed_form_is_the_product_of_the_factors(network):
    """By hand, in exact arithmetic or to 30 digits, at χ = 2/3, κ = 15/22, ρ = 3, from block i = 2
    (or 0) to 9.
    """
    law = LAWS[network]
    values = {CHI: sp.Rational(2, 3), KAPPA: sp.Rational(15, 22), FIRST_WIDTH: 3}
    start, end = (2, 9) if network in DENSE else (0, 9)
    last = end - 1 if network == "dense_last" else end
    expected = sp.prod([law.factor.subs(values).subs(LAYER, j) for j in range(start + 1, last + 1)])
    if network == "dense_last":
        expected *= values[CHI] / end
    found = law.ratio.subs(values).subs({LAYERS: end, DEPTH: end, BLOCK: start})
    assert abs(sp.N(found / expected - 1, 30)) < 1e-25


def test_the_closed_forms_of_the_table():
    chi, i, l = CHI, BLOCK, LAYERS
    gamma = sp.gamma
    expected = gamma(l + 1 + chi) * gamma(i + 1) / (gamma(l + 1) * gamma(i + 1 + chi))
    assert sp.gammasimp(LAWS["dense"].ratio / expected) == 1
    only = chi / l * gamma(l + chi) * gamma(i + 1) / (gamma(l) * gamma(i + 1 + chi))
    assert sp.gammasimp(LAWS["dense_last"].ratio / only) == 1
    assert sp.gammasimp(LAWS["dense_unequal"].ratio.subs(FIRST_WIDTH, 1) / LAWS["dense"].ratio) == 1
    assert [LAWS[name].ratio for name in GEOMETRIC] == [
        chi**DEPTH,
        (1 + chi) ** DEPTH,
        (1 + chi / 4) ** DEPTH,
    ]
    assert (LAWS["norm_then_linear"].ratio, LAWS["linear_then_norm"].ratio) == (
        1 + chi * DEPTH,
        1 + DEPTH,
    )


@pytest.mark.parametrize(
    ("network", "expected"),
    [("norm_relu_linear", 112), ("relu_linear_norm", 180), ("pre_activation", 727)],
)
def test_the_numbers_of_the_table(network, expected):
    value = LAWS[network].ratio.subs({CHI: 1, DEPTH: 40}).subs(KAPPA, RELU_KAPPA)
    assert round(float(value)) == expected


def test_dense_numbers_by_hand():
    """χ = 1: Π (j + 1)/j = l + 1 from x₀; with the signal at x_l only it is exactly 1."""
    for l in (1, 5, 40):
        at = {CHI: 1, LAYERS: l, BLOCK: 0}
        assert LAWS["dense"].ratio.subs(at) == l + 1
        assert LAWS["dense_last"].ratio.subs(at) == 1
        half = prod(1 + Fraction(1, 2) / j for j in range(1, l + 1))
        assert sp.simplify(LAWS["dense"].ratio.subs({**at, CHI: sp.Rational(1, 2)})) == sp.Rational(
            half.numerator, half.denominator
        )


@pytest.mark.parametrize("network", DENSE)
@pytest.mark.parametrize(
    "wrong",
    [
        1 + CHI / (LAYER + 1),
        (1 + CHI / LAYER) ** 2,
        1 + CHI / (LAYER - 1 + 2 * FIRST_WIDTH),
        1 - CHI / LAYER,
    ],
    ids=["off by one", "squared", "wrong width", "wrong sign"],
)
def test_a_wrong_dense_recurrence_fails_both_ways(network, wrong):
    law = LAWS[network]
    solved = step_of(law, *ROW)
    before = solved.before.replace(sp.Product, lambda _, limits: sp.Product(wrong, limits))
    assert not any(outcome.ok for outcome in judged(law, replace(solved, before=before)).checks)
    row = step_of(law, "difference of two rows")
    after = wrong.subs(LAYER, BLOCK + 1) * law.ratio.subs(BLOCK, BLOCK + 1)
    assert not any(outcome.ok for outcome in judged(law, replace(row, after=after)).checks)
    adjoint = step_of(law, "adjoint recurrence in mean squares")
    after = adjoint.after.replace(
        sp.Sum, lambda f, limits: sp.Sum(f * (wrong - 1) / (law.factor - 1), limits)
    )
    assert not any(outcome.ok for outcome in judged(law, replace(adjoint, after=after)).checks)


@pytest.mark.parametrize("network", sorted(set(LAWS) - set(DENSE) - {"linear_then_norm"}))
def test_a_wrong_solution_fails_both_ways(network):
    law = LAWS[network]
    solved = step_of(law, *ROW)
    for wrong in (
        law.ratio.subs(DEPTH, DEPTH + 1),
        law.ratio**2,
        2 * law.ratio,
        law.ratio.subs(CHI, 2 * CHI).subs(KAPPA, 2 * KAPPA),
    ):
        assert not any(outcome.ok for outcome in judged(law, replace(solved, after=wrong)).checks)


@pytest.mark.parametrize("network", ["norm_relu_linear", "relu_linear_norm", "pre_activation"])
def test_a_dropped_kappa_fails_both_ways(network):
    law = LAWS[network]
    solved = step_of(law, *ROW)
    assert not any(
        outcome.ok
        for outcome in judged(law, replace(solved, after=law.ratio.subs(KAPPA, 1))).checks
    )


@pytest.mark.parametrize("network", sorted(set(LAWS) - set(GEOMETRIC)))
def test_a_wrong_asymptote_fails_both_ways(network):
    law = LAWS[network]
    limits = [step for step in law.theorem.derivation.steps if step.relation == "->"]
    assert limits
    for step in limits:
        for wrong in (
            replace(step, after=2 * step.after),
            replace(step, before=step.before * step.vanishing),
        ):
            assert not any(outcome.ok for outcome in judged(law, wrong).checks)


@pytest.mark.parametrize("network", LAWS)
def test_the_asymptote_is_reached(network):
    law = LAWS[network]
    values = {
        CHI: sp.Rational(1, 2),
        KAPPA: RELU_KAPPA,
        FIRST_WIDTH: 2,
        LAYERS: 10**4,
        DEPTH: 10**4,
        BLOCK: 3,
    }
    assert abs(sp.N((law.ratio / law.asymptote).subs(values)) - 1) < 1e-3


def test_every_law_names_its_network_and_its_exactness():
    for law in LAWS.values():
        assert law.theorem.certainty == "law"
        assert law.theorem.setting
        assert law.theorem.result in law.theorem.derivation.steps
        assert law.exactness.startswith("exact for ")
        assert law.theorem.setting.startswith(law.exactness.removeprefix("exact for "))


def test_each_law_prints_its_limit():
    limits = {name: law.theorem.setting.partition(".")[0] for name, law in LAWS.items()}
    assert limits["plain"] == "every width n"
    for name in ("residual", "se_held"):
        assert limits[name].startswith("n → ∞;")
        assert LAWS[name].theorem.statement.endswith("as n → ∞.")
    for name in set(LAWS) - set(GEOMETRIC) - set(DENSE):
        assert limits[name].startswith("n → ∞ and B → ∞;")
    for name in DENSE:
        assert limits[name].startswith("every width for i = 0; for i ≥ 1 as k₀ → ∞")


@pytest.mark.parametrize("network", LAWS)
def test_the_factor_is_derived_from_integrals_and_not_asserted(network, monkeypatch):
    """Three times the factor fails a step, and so does a third of it."""
    for times in (3, sp.Rational(1, 3)):

        def tripled(parts, variance, times=times):
            passage = pass_through(parts, variance)
            return replace(passage, gain=times * passage.gain)

        if network in DENSE:
            monkeypatch.setattr(depth_laws_module, "CHI", times * CHI)
            monkeypatch.setattr(
                depth_laws_module, "SECOND_INTEGRAL", times * depth_laws_module.SECOND_INTEGRAL
            )
        else:
            monkeypatch.setattr(depth_laws_module, "pass_through", tripled)
        (law,) = [law for law in depth_laws() if law.network == network]
        monkeypatch.undo()
        failed = [c.step.rule for c in check(law.theorem.derivation) if not c.ok]
        assert failed, network


def dense_ratio(first_width: int, width: int, depth: int, block: int, draws: int) -> np.ndarray:
    """‖∂L/∂x_block‖² over ‖g‖² per coordinate, signals N(0, I) on every state: (draws,)."""
    rng = np.random.default_rng(17)
    found = []
    for _ in range(draws):
        states, weights = [rng.standard_normal(first_width)], []
        for _ in range(depth):
            seen = np.concatenate(states)
            weight = rng.standard_normal((width, len(seen))) * (2 / len(seen)) ** 0.5
            weights.append(weight)
            states.append(weight @ np.maximum(seen, 0))
        gradients = [rng.standard_normal(len(state)) for state in states]
        for j in range(depth, block, -1):
            seen = np.concatenate(states[:j])
            back = (seen > 0) * (weights[j - 1].T @ gradients[j])
            start = 0
            for i in range(j):
                gradients[i] = gradients[i] + back[start : start + len(states[i])]
                start += len(states[i])
        found.append(np.mean(gradients[block] ** 2))
    return np.array(found)


@pytest.mark.parametrize(("first_width", "block"), [(1, 0), (1, 1), (2, 1), (1, 2)])
def test_dense_laws_at_small_widths(first_width, block):
    """Exact for i = 0. For i ≥ 1 no unit of x₀ is active with probability 2^(−k₀), and only the
    direct signal arrives: 1.5, not 2, at k = k₀ = 1, l = 3, i = 1.
    """
    depth, draws = 3, 60_000
    at = {CHI: 1, LAYERS: depth, BLOCK: block, FIRST_WIDTH: first_width}
    law = float(LAWS["dense_unequal"].ratio.subs(at))
    share = 1 if block == 0 else 1 - 2.0**-first_width
    found = dense_ratio(first_width, 1, depth, block, draws)
    # The ratio has heavy tails: the standard error is that of the sample.
    error = 5 * found.std() / draws**0.5
    assert found.mean() == pytest.approx(1 + (law - 1) * share, abs=error)
    if (first_width, block) == (1, 1):
        assert law == 2
        assert abs(found.mean() - law) > 3 * error / 5
