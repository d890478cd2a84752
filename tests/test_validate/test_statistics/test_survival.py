"""What of a record counts as survival, and the depth law and the counts of each family."""

import math
from dataclasses import replace

import pytest
from test_validate.drawn_results import BLOCKS, DEPTHS, SEEDS, as_claimed, drawn, flow

from validate.statistics.correlation import SIGNIFICANT, Correlation
from validate.statistics.survival import (
    ACROSS,
    END,
    MEASURES,
    START,
    WITHIN,
    Row,
    end_to_end,
    least_gain,
    nearness,
    per_block,
    points,
    ranking,
)
from validate.statistics.survival import test_error as final_error


def run_with(ratio, error=0.1):
    return drawn(lambda *_: error, lambda *_: ratio).runs[0]


@pytest.mark.parametrize("when", [START, END])
def test_survival_is_the_logarithm_of_the_median_ratio(when):
    run = run_with(1000.0)
    assert end_to_end(run, when) == pytest.approx(3.0)
    assert nearness(run, when) == pytest.approx(-3.0)
    assert nearness(run_with(0.001), when) == pytest.approx(-3.0)
    assert per_block(run, when) == pytest.approx(3 / (BLOCKS - 1))
    assert least_gain(run, when) == pytest.approx(3 / BLOCKS)
    for nothing in (None, 0.0):
        assert end_to_end(run_with(nothing), when) == nearness(run_with(nothing), when) == -math.inf
        assert least_gain(run_with(nothing), when) == -math.inf


def test_the_worst_block_counts_and_relus_do_not():
    run = run_with(1.0)
    weak = {0: 1.0, 1: 0.01, 2: 10.0, 3: 1e-9}
    blocks = tuple(
        row.model_copy(update={"measured": (weak[row.index],) * 2}) for row in run.blocks
    )
    assert least_gain(replace(run, blocks=blocks)) == pytest.approx(-2)


def test_before_and_after_training_differ():
    run = run_with(10.0)
    last = run.epochs[-1]
    total = last.total.model_copy(update={"measured": (0.1, 0.1)})
    changed = replace(run, epochs=(run.epochs[0], last.model_copy(update={"total": total})))
    assert end_to_end(changed, START) == pytest.approx(1)
    assert end_to_end(changed, END) == pytest.approx(-1)


def test_a_run_that_diverged_has_lost_everything_and_was_measured_before():
    run = run_with(10.0, error=None)
    assert final_error(run) == 1.0
    assert end_to_end(run, END) == pytest.approx(1)
    assert least_gain(run, END) == pytest.approx(1 / BLOCKS)


def test_what_was_not_measured_is_no_point():
    run = run_with(10.0)
    bare = replace(
        run, blocks=(), epochs=tuple(row.model_copy(update={"total": None}) for row in run.epochs)
    )
    for measure in MEASURES.values():
        assert measure(bare) is None
        assert points([bare], measure) == ()
        assert len(points([run], measure)) == 1
    rows = ranking(replace(drawn(as_claimed, flow), runs=(bare,)))
    assert {row.found.value for row in rows} == {row.adjusted for row in rows} == {None}
    assert all(row.found.missing for row in rows)


def test_a_network_is_the_median_of_its_runs():
    ratios = {0: 1.0, 1: 100.0, 2: 10.0}
    found = points(
        drawn(lambda f, d, seed: 0.1 * seed, lambda f, d, seed: ratios[seed]).runs, end_to_end
    )
    assert len(found) == sum(map(len, DEPTHS.values()))
    assert {(point.runs, point.survival, point.error) for point in found} == {
        (len(SEEDS), 1.0, 0.1)
    }


def test_within_families_needs_two_that_say_something():
    depths = {"plain": (8, 14, 20, 32), "residual": (8, 14)}
    rows = {
        (row.measure, row.group): row
        for row in ranking(drawn(as_claimed, flow, depths))
        if row.found.coefficient == "Spearman"
    }
    assert (
        rows[next(iter(MEASURES)), WITHIN].found.missing
        == "needs 2 families with networks enough, has 1"
    )
    assert rows[next(iter(MEASURES)), ACROSS].found.networks == 6
    assert rows[next(iter(MEASURES)), ACROSS].found.value == pytest.approx(-1)


def test_a_ranking_is_computed_once():
    """For records that were read anew too.

    Other numbers and other seeds have a ranking of their own.
    """

    def better(family, depth, seed):
        return as_claimed(family, depth, seed) / (2 if (family, depth) == ("plain", 44) else 1)

    first = ranking(drawn(better, flow))
    assert ranking(drawn(better, flow)) is first
    assert len({first, ranking(drawn(better, flow), seed=1), ranking(drawn(as_claimed, flow))}) == 3


@pytest.mark.parametrize(
    ("adjusted", "low", "sign"),
    [
        (SIGNIFICANT, 0.1, 1),
        (SIGNIFICANT + 1e-9, 0.1, None),
        (0.001, -0.1, None),
        (None, 0.1, None),
    ],
)
def test_a_sign_needs_a_small_p_value_and_an_interval_on_one_side(adjusted, low, sign):
    found = Correlation("Spearman", 9, 0.5, low, 0.9, 0.01, 0.001, exact=True)
    row = Row("gain", "within", found, adjusted)
    assert row.sign == sign
    assert str(row).endswith("adjusted") is (adjusted is not None)
