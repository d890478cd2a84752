from dataclasses import replace

import pytest
from test_validate.small_study import drawn_initial

from validate.comparison.initial_bands import BANDS, FIRST_FRESH
from validate.statistics.band_check import first_batch
from validate.study.initial_rows import FRESH, initial_row
from validate.study.sealed import is_intact


@pytest.fixture
def row(monkeypatch):
    """Of the shallowest plain network, on digits."""
    monkeypatch.setattr(
        "validate.study.initial_rows.first_batch", lambda data_dir=None: first_batch("digits")
    )
    return initial_row(BANDS[0])


def test_seeds_are_none_that_the_bands_were_read_off():
    assert len(FRESH) == 10
    assert min(FRESH) == FIRST_FRESH == 100


def test_a_row_holds_what_was_foretold_and_what_was_seen(row):
    band = BANDS[0]
    assert is_intact(row)
    assert (row.network, row.predicted, row.half_width) == (
        band.network,
        band.predicted,
        band.half_width,
    )
    assert len(row.measured) == len(row.seeds) == 10
    assert len(set(row.measured)) == 10
    assert row.mean == pytest.approx(sum(row.measured) / 10)
    assert not row.amended


def test_outside_is_outside_on_either_side():
    band = BANDS[3]
    for shift, inside in ((0.99, True), (-0.99, True), (1.01, False), (-1.01, False)):
        assert drawn_initial(band, shift).inside is inside


def test_another_band_is_told():
    assert drawn_initial(replace(BANDS[3], half_width=9.0)).amended
    assert not drawn_initial(BANDS[3]).amended
