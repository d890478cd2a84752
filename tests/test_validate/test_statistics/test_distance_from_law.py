"""Tests the distance from the law of random weights: planted and broken laws are seen."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest
from test_validate.drawn_results import as_claimed, drawn, flow

from validate.records.schema import LawRow
from validate.statistics.distance_from_law import alignments, law_fits, probabilities

DEPTHS = {family: tuple(range(8, 44, 6)) for family in ("plain", "residual")}


def planted(shift=0.0, power=1.0, skip=True, vanished=False, seed=5):
    """Results whose blocks have probabilities U^power and alignments N(shift, 1).

    A first sample that vanished moves the second up.
    """
    random = np.random.default_rng(seed)

    def law(row):
        numbers = [
            random.uniform() ** power,
            float(random.normal(shift, 1)),
            float(random.uniform(0.5, 1.5)),
        ]
        probability, alignment, chi = (
            (None, number) if vanished else (number, 0.5) for number in numbers
        )
        found = LawRow(
            weight_std=0.1,
            chi=chi,
            probability=probability,
            alignment=alignment if skip else (None, None),
        )
        cosine = (None, 0.25) if vanished else (0.25, 0.9)
        measured = (None, 1.0) if vanished else (1.0, 1.0)
        return row.model_copy(
            update={
                "measured": measured,
                "law": found,
                "terms": {"c": cosine, "t": (None, 3.0) if vanished else (3.0, 7.0)},
            }
        )

    results = drawn(as_claimed, flow, DEPTHS)
    runs = [
        replace(
            run,
            blocks=tuple(
                row if row.term.startswith("Pointwise") else law(row) for row in run.blocks
            ),
        )
        for run in results.runs
    ]
    return replace(results, runs=tuple(runs))


@pytest.mark.parametrize("vanished", [False, True])
def test_networks_that_follow_the_law_are_close_to_it(vanished):
    results = planted(vanished=vanished)
    fits = law_fits(results)
    assert [(fit.family, fit.epoch) for fit in fits] == [
        (family, epoch) for family in DEPTHS for epoch in (0, 1)
    ]
    for fit in fits:
        assert (fit.runs, fit.blocks) == (18, 54)
        assert fit.adjusted > 0.05
        assert fit.alignment.rms_low < fit.alignment.rms < fit.alignment.rms_high
        assert abs(fit.alignment.mean) < 0.4
        assert fit.alignment.beyond < 0.15
        assert fit.alignment.cosine == 0.25
        assert fit.seen == 9.0
        assert 0.8 < fit.chi < 1.2


def test_intervals_cover_what_they_are_of():
    """18 runs: the percentile bootstrap is somewhat short of its 95 %."""
    found = [fit.alignment for seed in range(40) for fit in law_fits(planted(seed=seed))]
    covered = np.mean([spread.rms_low < 1 < spread.rms_high for spread in found])
    assert 0.85 < covered < 0.99
    assert 0.85 < np.mean([spread.mean_low < 0 < spread.mean_high for spread in found]) < 0.99


def test_the_numbers_are_those_of_the_first_samples():
    results = planted()
    fit = law_fits(results)[0]
    rows = [
        row
        for run in results.runs
        if run.config.family == "plain"
        for row in run.blocks
        if row.epoch == 0
    ]
    first = [row.law.probability[0] for row in rows if row.law]
    assert probabilities(rows) == first
    assert (fit.distance, fit.p) == pytest.approx(tuple(kstest(first, "uniform"))[:2])
    aligned = np.array([pair[0] for pair in alignments(rows)])
    assert fit.alignment.rms == pytest.approx(np.sqrt((aligned**2).mean()))
    assert fit.alignment.mean == pytest.approx(aligned.mean())
    assert fit.alignment.beyond == pytest.approx((abs(aligned) > 1.96).mean())


@pytest.mark.parametrize("family", [0, 1])
def test_what_breaks_the_law_is_seen(family):
    unlikely = law_fits(planted(power=0.2))[2 * family]
    assert unlikely.distance > 0.3
    assert unlikely.p <= unlikely.adjusted < 1e-4
    aligned = law_fits(planted(shift=2.0))[2 * family].alignment
    assert aligned.rms_low > 1.8
    assert aligned.mean_low > 1.5
    assert aligned.beyond > 0.3


def test_blocks_without_a_skip_have_no_alignment():
    assert [fit.alignment for fit in law_fits(planted(skip=False))] == [None] * 4


def test_numbers_of_different_samples_are_not_mixed():
    """The first sample's law is a point: it has a χ, and nothing of the second stands in for the
    rest.
    """
    results = planted()

    def point(row):
        law = row.law and row.law.model_copy(
            update={"probability": (None, 0.5), "alignment": (None, 9.0)}
        )
        return row.model_copy(update={"law": law})

    runs = tuple(replace(run, blocks=tuple(map(point, run.blocks))) for run in results.runs)
    assert law_fits(replace(results, runs=runs)) == ()


def test_without_laws_there_is_nothing():
    assert law_fits(drawn(as_claimed, flow)) == ()
