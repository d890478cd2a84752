"""What is said of ratios before training follows from the version of the records."""

from dataclasses import replace

from test_validate.drawn_results import drawn

from validate.statistics.before_training import before_training


def runs(version, dataset="fashion-mnist", width=8, depths=(8, 44), ratio=lambda *_: 0.1):
    found = drawn(
        lambda *_: 0.1, ratio, {"plain": depths, "residual": (8, 44)}, version=version
    ).runs
    update = {"dataset": dataset, "width": width}
    return tuple(replace(run, config=run.config.model_copy(update=update)) for run in found)


def test_the_first_version_is_said_to_be_wrong_with_its_own_example():
    def ratio(family, depth, seed):
        return {"plain": 0.0123, "residual": 0.5}[family] if depth == 44 else 0.3

    said = before_training(runs(1, ratio=ratio))
    assert "a network that training never runs" in said
    assert "(plain-44: 0.012 recorded, about 1,900 with statistics of images)" in said
    said = before_training(runs(1, depths=(8, 14), ratio=ratio))
    assert "(plain-8: 0.3 recorded, about 4 with" in said


def test_networks_whose_other_number_is_not_known_are_no_example():
    for made in (runs(1, dataset="digits"), runs(1, width=4), runs(1, depths=(14,))):
        assert "recorded, about" not in before_training(made)
        assert "training never runs" in before_training(made)


def test_the_second_version_says_with_which_statistics():
    said = before_training(runs(2))
    assert "recalibrated on 512 training images" in said
    assert "never runs" not in said
    first, *rest = runs(2)
    few = replace(first, config=first.config.model_copy(update={"statistics_samples": 24}))
    assert "on 24/512 training images" in before_training((few, *rest))


def test_records_that_mix_versions_are_judged_by_the_first():
    assert "never runs" in before_training((*runs(2), *runs(1)))
