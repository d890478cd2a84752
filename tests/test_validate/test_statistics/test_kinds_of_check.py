"""Checks of our code and predictions that could have failed are told apart, and counted apart."""

from dataclasses import replace

import pytest

from validate.records.read import read_results
from validate.statistics import kinds_of_check
from validate.statistics.distance_from_law import law_fits
from validate.statistics.kinds_of_check import CHECKS, COULD_FAIL, MEANINGS, OF_THE_CODE, tally
from validate.statistics.summary import summarize


@pytest.fixture(scope="module")
def results(finished):
    return read_results(finished)


def counted(name, results):
    (check,) = [check for check in CHECKS if name in check.name]
    return check.count(results)


def test_every_check_is_of_one_kind_and_is_counted_or_says_where():
    assert {check.kind for check in CHECKS} == MEANINGS.keys() == {OF_THE_CODE, COULD_FAIL}
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all((check.count is None) == bool(check.where) for check in CHECKS)
    code = [check.name for check in CHECKS if check.kind == OF_THE_CODE]
    assert code == [
        "bounds on measured gains",
        "gains of single blocks",
        "products of gains over whole networks",
        "epochs with gains in float32, as the device computes them",
        "limits of vanishing branches",
    ]
    assert {"C24", "C25"} < {check.name[:3] for check in CHECKS if check.kind == COULD_FAIL}


def test_counts_are_those_of_the_summary(results):
    found = summarize(
        (row for run in results.runs for row in run.blocks),
        (row for run in results.runs for row in run.epochs),
    )
    bounds = counted("bounds", results)
    assert (bounds.checks, bounds.failed) == (found.bound_checks, 0)
    assert 0 < bounds.silent == found.vacuous < bounds.checks
    assert counted("gains of single", results).checks == found.identity_checks > 0
    assert counted("products", results).checks == found.total_checks == 2 * 3 * 3
    single = counted("float32", results)
    assert (single.checks, single.failed) == (found.float32_checks, 0)
    assert single.checks == 2 * 3
    limits = counted("limits", results)
    assert limits.checks == sum(row.epsilon == 0 for row in results.vanishing) > 0
    assert limits.failed == 0
    off = tuple(row.model_copy(update={"measured": 9.0}) for row in results.vanishing)
    assert counted("limits", replace(results, vanishing=off)).failed == limits.checks


def test_laws_are_of_networks_before_training(results, monkeypatch):
    fits = law_fits(results)
    assert {fit.epoch for fit in fits} == {0, 1, 2}
    assert counted("laws of gains", results).checks == 2
    few = counted("alignments", results)
    assert (few.checks, few.failed, few.note) == (0, 0, "2 with fewer than 8 runs")
    far = tuple(
        replace(
            fit,
            runs=8,
            adjusted=0.04,
            alignment=replace(fit.alignment, mean_low=0.1, mean_high=0.2),
        )
        if fit.family == "dense" or fit.epoch
        else replace(
            fit,
            runs=8,
            adjusted=0.06,
            alignment=replace(fit.alignment, mean_low=-0.1, mean_high=0.2),
        )
        for fit in fits
    )
    monkeypatch.setattr(kinds_of_check, "law_fits", lambda _: far)
    for name in ("laws of gains", "alignments"):
        found = counted(name, results)
        assert (found.checks, found.failed) == (2, 1)


def test_the_tally_has_a_line_for_each_kind(results):
    code, could = tally(results)
    assert code.startswith(f"checks of the code: {counted('bounds', results).checks:,} bounds on ")
    assert f", 0 violated ({counted('bounds', results).silent:,} say nothing); " in code
    assert code.endswith(" limits of vanishing branches, 0 missed")
    assert could.startswith("predictions that could have failed: 2 laws of gains before training")
    assert could.endswith("; mean alignments of branch and skip before training, one per family: "
        "not measured (2 with fewer than 8 runs)")  # fmt: skip
    assert "C24" not in could  # which no count of records decides
