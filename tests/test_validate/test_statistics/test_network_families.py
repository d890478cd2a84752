"""Families: the depth law that was drawn is found, of measured ratios and of those in theory."""

from dataclasses import replace
from math import log10, pi

import pytest
from test_validate.drawn_results import BLOCKS, as_claimed, drawn, flow

from validate.statistics.network_families import held


def test_the_law_is_the_one_drawn():
    def ratio(family, depth, _):
        return 10 ** (-0.05 * depth) if family == "plain" else depth**1.5

    found = {each.family: each for each in held(drawn(as_claimed, ratio))}
    assert (found["plain"].measured.law, found["dense"].measured.law) == ("exponential", "power")
    assert found["plain"].measured.rate == pytest.approx(-0.05)
    assert found["dense"].measured.rate == pytest.approx(1.5)
    assert found["dense"].measured.r_squared == pytest.approx(1)
    assert found["dense"].theory is not None
    assert found["plain"].runs == 15
    assert found["plain"].summary.identity_checks == 15 * 2 * BLOCKS * 2


def test_theory_is_about_batches_in_train_mode():
    found = {each.family: each for each in held(drawn(as_claimed, flow, version=1))}
    assert found["dense"].theory is None
    assert found["dense"].missing == "not of batches in train mode"


def with_batches(results, ratio):
    """The same with these ratios of a batch at initialization."""

    def changed(run):
        first = run.epochs[0].model_copy(update={"batch_ratio": ratio(run.config.depth)})
        return replace(run, epochs=(first, *run.epochs[1:]))

    return replace(results, runs=tuple(map(changed, results.runs)))


def test_theory_is_fitted_apart_from_what_was_measured():
    results = drawn(as_claimed, lambda family, depth, _: 10 ** (0.01 * depth))
    steep = with_batches(results, lambda depth: 10 ** (0.07 * depth))
    found = {each.family: each for each in held(steep)}
    assert found["plain"].measured.rate == pytest.approx(0.07)
    # ½ log₁₀ of (1/κ) a layer, less what 8, 4 and 2 positions lose by padding.
    assert 0.04 < found["plain"].theory.rate < -0.5 * log10(1 - 1 / pi)
    assert found["plain"].theory.law == found["plain"].measured.law
    assert found["residual"].theory.rate < 0.7 * found["plain"].theory.rate
    assert found["dense"].missing == ""


def test_a_network_without_a_law_has_no_theory():
    results = with_batches(drawn(as_claimed, flow), lambda depth: 1.0 * depth)
    config = results.runs[0].config.model_copy(update={"depth": 9})
    odd = replace(results.runs[0], config=config)
    found = held(replace(results, runs=(odd, *results.runs[1:])))[0]
    assert found.theory is None
    assert "depth 9" in found.missing


@pytest.mark.parametrize(
    ("ratio", "depths", "reason"),
    [
        (lambda *_: 1.0, None, "the ratio does not vary"),
        (
            lambda family, depth, seed: 0.0 if depth == 8 else 1.0 * depth,
            None,
            "no gradient arrives in some run",
        ),
        (flow, {"plain": (8, 14, 20)}, "needs 4 depths, has 3"),
    ],
)
def test_no_law_without_numbers(ratio, depths, reason):
    found = held(drawn(as_claimed, ratio, depths))[0]
    assert (found.measured, found.theory, found.missing) == (None, None, reason)
