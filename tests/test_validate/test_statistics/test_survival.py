"""What of a record counts as survival, and the depth law and the counts of each family."""

import math
from dataclasses import replace

import pytest
from test_validate.drawn_results import BLOCKS, DEPTHS, SEEDS, drawn

from validate.statistics.survival import (
    END,
    MEASURES,
    RATIO,
    SEEN,
    START,
    as_training_sees_it,
    end_to_end,
    least_gain,
    measures,
    nearness,
    per_block,
    points,
    primary,
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


@pytest.mark.parametrize("when", [START, END])
def test_what_training_sees_is_the_ratio_of_a_batch(when):
    run = run_with(1000.0)
    place = 0 if when == START else -1
    epochs = list(run.epochs)
    epochs[place] = epochs[place].model_copy(update={"batch_ratio": 0.01})
    changed = replace(run, epochs=tuple(epochs))
    assert as_training_sees_it(changed, when) == pytest.approx(-2)
    assert MEASURES[f"{SEEN} {when}"](changed) == pytest.approx(-2)
    assert nearness(changed, when, as_training_sees_it) == pytest.approx(-2)
    assert end_to_end(changed, when) == pytest.approx(3)
    for nothing in (None, 0.0):
        assert as_training_sees_it(run_with(nothing), when) == -math.inf


def test_the_first_version_has_no_ratio_of_a_batch_and_is_judged_as_before():
    old = drawn(lambda *_: 0.1, lambda *_: 10.0, version=1).runs
    new = drawn(lambda *_: 0.1, lambda *_: 10.0).runs
    assert as_training_sees_it(old[0]) is None
    assert (primary(old), primary(new), primary((*old, *new))) == (RATIO, SEEN, RATIO)
    assert next(iter(measures(new))) == f"{SEEN} {START}"
    assert next(iter(measures(old))) == f"{RATIO} {START}"
    assert measures(new).keys() == MEASURES.keys()
    assert MEASURES.keys() - measures(old).keys() == {
        f"{name} {when}"
        for name in (SEEN, "nearness to 1 of the ratio as training sees it")
        for when in (START, END)
    }


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


def test_a_network_is_the_median_of_its_runs():
    ratios = {0: 1.0, 1: 100.0, 2: 10.0}
    found = points(
        drawn(lambda f, d, seed: 0.1 * seed, lambda f, d, seed: ratios[seed]).runs, end_to_end
    )
    assert len(found) == sum(map(len, DEPTHS.values()))
    assert {(point.runs, point.survival, point.error) for point in found} == {
        (len(SEEDS), 1.0, 0.1)
    }
