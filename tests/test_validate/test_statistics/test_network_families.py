"""Families: the depth law that was drawn is found, of measured and of predicted ratios."""

from dataclasses import replace

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
    assert found["dense"].predicted == found["dense"].measured
    assert found["plain"].runs == 15
    assert found["plain"].summary.identity_checks == 15 * 2 * BLOCKS * 2


def test_predictions_are_fitted_apart():
    results = drawn(as_claimed, lambda family, depth, _: 10 ** (0.01 * depth))

    def wrong(run):
        first = run.epochs[0]
        total = first.total.model_copy(
            update={"telescoped": (10 ** (0.03 * run.config.depth),) * 2}
        )
        return replace(run, epochs=(first.model_copy(update={"total": total}), *run.epochs[1:]))

    found = held(replace(results, runs=tuple(map(wrong, results.runs))))[0]
    assert found.measured.rate == pytest.approx(0.01)
    assert found.predicted.rate == pytest.approx(0.03)


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
    assert (found.measured, found.predicted, found.missing) == (None, None, reason)
