"""The recorded laws are those that are predicted today, and agree with what was measured."""

from pathlib import Path

import numpy as np
import pytest

from derivations.errors import InputError
from validate.comparison.compare_depth import FINITE_WIDTH, STANDARD_ERRORS
from validate.comparison.law_records import (
    DRAWS,
    SEED,
    WIDTH,
    depth_curve,
    histogram_rows,
    read_depth,
    read_histograms,
)


def test_the_recorded_depth_laws_are_made_again_to_rounding() -> None:
    name = "norm_then_linear"  # half a second
    recorded = [row for row in read_depth() if row.network == name]
    for then, now in zip(recorded, depth_curve(name, WIDTH, SEED), strict=True):
        assert (then.block, then.draws, then.width) == (now.block, now.draws, now.width)
        assert then.predicted == pytest.approx(now.predicted, rel=1e-12)
        assert then.measured == pytest.approx(now.measured, rel=1e-6)
        assert then.allowed == now.allowed == FINITE_WIDTH[name] * then.block / WIDTH


def test_every_law_is_recorded_and_holds_at_its_end() -> None:
    rows = read_depth()
    ends = {row.network: row for row in rows if row.block == row.depth}
    assert list(ends) == list(FINITE_WIDTH)
    for row in ends.values():
        off = abs(row.measured / row.predicted - 1)
        assert off <= row.allowed + STANDARD_ERRORS * row.error / row.predicted, row.network


def test_the_recorded_histograms_hold_all_draws_and_fit_their_law() -> None:
    for row in read_histograms():
        assert sum(row.counts) == row.draws == DRAWS
        steps = np.diff(row.points).mean()
        assert sum(row.density) * steps == pytest.approx(1, abs=2e-3)
        assert row.p_value > 1e-4


def test_a_wrong_scale_of_the_weights_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(row.p_value > 1e-4 for row in histogram_rows(draws=2000, seed=1))
    monkeypatch.setattr("validate.comparison.law_records.FEATURES", 23)
    from validate.comparison import law_records

    real = law_records.dense_squares
    monkeypatch.setattr(law_records, "dense_squares", lambda std, *a, **k: real(1.1 * std, *a, **k))
    dense, masked, convolution = histogram_rows(draws=2000, seed=1)
    assert dense.p_value < 1e-6
    assert masked.p_value < 1e-4
    assert convolution.p_value > 1e-4


def test_missing_records_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"histograms\.jsonl"):
        read_histograms(tmp_path)
