"""What is said of ratios before training follows from the version of the records."""

from dataclasses import replace

from test_validate.drawn_results import drawn

from validate.statistics.before_training import before_training


def runs(version):
    return drawn(
        lambda *_: 0.1, lambda *_: 0.1, {"plain": (8, 44), "residual": (8, 44)}, version=version
    ).runs


def test_the_first_version_is_said_to_be_wrong():
    assert "a network that training never runs" in before_training(runs(1))


def test_the_second_version_says_with_which_statistics():
    said = before_training(runs(2))
    assert "recalibrated on 512 training images" in said
    assert "never runs" not in said
    first, *rest = runs(2)
    few = replace(first, config=first.config.model_copy(update={"statistics_samples": 24}))
    assert "on 24/512 training images" in before_training((few, *rest))


def test_records_that_mix_versions_are_judged_by_the_first():
    assert "never runs" in before_training((*runs(2), *runs(1)))
