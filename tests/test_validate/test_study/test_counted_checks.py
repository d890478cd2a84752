from dataclasses import replace

from test_validate.small_study import drawn_initial, drawn_study

from validate.comparison.initial_bands import BANDS
from validate.statistics.kinds_of_check import C24, C25, CHECKS, FRESH_RATIOS
from validate.study.counted_checks import counted_checks
from validate.study.study_verdicts import decide_study


def counted(study):
    return counted_checks(study, decide_study(study))


def test_refuted_claims_and_ratios_outside_are_failures():
    study = drawn_study(rho=-0.95, gain=0.0, gate=2.0, noise=0.1, seed=2)
    shifts = [1.1, 0.5, -1.1, -0.5]
    rows = tuple(drawn_initial(*pair) for pair in zip(BANDS, shifts, strict=False))
    found = counted(replace(study, initial=rows))
    assert {name: (each.checks, each.failed) for name, each in found.items()} == {
        FRESH_RATIOS: (4, 2),
        C24: (1, 1),
        C25: (1, 0),
    }
    assert (found[C24].said, found[C25].said) == ("refuted", "confirmed")
    assert found[FRESH_RATIOS].note == "not measured: plain-56 (slope 0) and 27 more"
    whole = tuple(drawn_initial(band, 0.0) for band in BANDS)
    assert counted(replace(study, initial=whole))[FRESH_RATIOS].note == ""
    (left,) = [band for band in BANDS if (band.network, band.slope) == ("plain-110", 0)]
    without = tuple(row for row in whole if (row.network, row.slope) != (left.network, left.slope))
    assert counted(replace(study, initial=without))[FRESH_RATIOS].note == (
        "not measured: plain-110 (slope 0)"
    )


def test_what_was_outside_before_is_told_apart():
    study = drawn_study(seed=3)
    at = next(place for place, band in enumerate(BANDS) if not band.works)
    for shift, note in ((2.0, "plain-110 (slope 0) was outside in the exploration"), (0.0, "")):
        rows = (drawn_initial(BANDS[0], 2.0), drawn_initial(BANDS[at], shift))
        found = counted(replace(study, initial=rows))[FRESH_RATIOS]
        assert note in found.note
        assert ("exploration" in found.note) == bool(note)
        assert found.failed == 1 + bool(note)


def test_what_is_not_judged_yet_is_not_counted():
    whole = drawn_study(rho=-0.95)
    missing = tuple(row.trial for row in whole.rows[100:])
    part = replace(whole, rows=whole.rows[:100], missing=missing)
    assert counted(part).keys() == {C25}
    begun = replace(whole, rows=(), missing=tuple(row.trial for row in whole.rows))
    assert counted(begun) == {}


def test_the_names_are_of_checks_that_no_record_of_networks_holds():
    elsewhere = {check.name for check in CHECKS if check.count is None}
    assert {FRESH_RATIOS, C24, C25} <= elsewhere
