"""Tests the records that come with the package: their checks, their size, their making."""

from statistics import median

import pytest
import torch
from root import ROOT

import validate.records.recorded as recorded_module
from validate.data.datasets import load, locate
from validate.records.codec import read_jsonl
from validate.records.read import read_results
from validate.records.recorded import RECORDED
from validate.records.schema import BlockRow, EpochRow
from validate.statistics.distance_from_law import law_fits
from validate.statistics.ranking import ACROSS, WITHIN, ranking
from validate.statistics.ratio_flattening import flattenings
from validate.statistics.slopes import trends
from validate.statistics.summary import summarize
from validate.training.measured_run import perform
from validate.training.presets import preset

MEGABYTES = 7
README = ROOT / "README.md"


def signed(said: str) -> str:
    return said.replace("-", "−")


@pytest.fixture(scope="module")
def recorded():
    return read_results(RECORDED)


def test_they_are_those_of_the_cpu_preset(recorded):
    manifest = recorded.manifest
    assert (manifest.preset, manifest.dataset, manifest.device) == ("cpu", "fashion-mnist", "cpu")
    networks = {(run.config.family, run.config.depth) for run in recorded.runs}
    assert networks == {
        (sweep.family, depth) for sweep in preset("cpu").sweeps for depth in sweep.depths
    }
    assert len(networks) == 16
    assert len(recorded.runs) == 3 * len(networks)


def test_they_are_small_and_hold_no_weights():
    files = [path for path in RECORDED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MEGABYTES * 1_000_000
    assert {path.suffix for path in files} == {".json", ".jsonl"}


def test_identities_are_met_and_no_bound_is_violated(recorded):
    found = summarize(
        (row for run in recorded.runs for row in run.blocks),
        (row for run in recorded.runs for row in run.epochs),
    )
    assert found.bound_checks >= 180_000
    assert found.bound_checks - found.vacuous >= 149_000
    assert found.failures == 0
    assert 0 < found.identity_error <= 1e-9
    assert 0 < found.total_error <= 1e-9


def test_the_readme_says_what_they_say(recorded):
    text = " ".join(README.read_text().split())
    found = summarize(
        (row for run in recorded.runs for row in run.blocks),
        (row for run in recorded.runs for row in run.epochs),
    )
    lower = [
        bound
        for run in recorded.runs
        for row in run.blocks
        for bound in row.bounds
        if bound.side == "lower"
    ]
    nothing = sum(value == 0 for bound in lower for value in bound.value)
    assert nothing == found.vacuous
    counted = (
        f"{found.bound_checks:,} bound checks, {found.violations} violations ({nothing:,} of them "
        "lower bounds of 0"
    )
    assert counted in text
    assert f"{found.identity_checks:,} gains as predicted" in text
    assert (
        f"relative error {found.identity_error:.1e}, and {found.total_checks:,} of their products "
        f"along a network, {found.total_error:.1e}" in text
    )
    for slope in trends(recorded).slopes.values():
        found = slope.found
        assert f"{found.value:+.2f}".replace("-", "−") in text
        assert f"{found.low:+.2f} to {found.high:+.2f}".replace("-", "−") in text
    ranked = ranking(recorded)
    rows = {
        row.group: row
        for row in ranked.rows
        if (row.measure, row.found.coefficient) == (ranked.first, "Spearman")
    }
    within, across = rows[WITHIN], rows[ACROSS]
    for row in (within, across):
        assert (
            signed(f"{row.found.value:+.2f} ({row.found.low:+.2f} to {row.found.high:+.2f})")
            in text
        )
    assert f"{signed(f'{ranked.given_depth[0]:+.2f}')} given depth" in text
    assert (
        f"Adjusted for the {ranked.tests} pooled lines of the table `figures --only "
        f"survival_ranking`, p = {within.adjusted:.2g} and {across.adjusted:.2g}: nothing is "
        "decided" in text
    )
    assert min(within.adjusted, across.adjusted) > 0.05
    residual = trends(recorded).errors["residual"]
    assert max(residual[20], residual[32]) < residual[8]
    fits = law_fits(recorded)
    at_start = {fit.family: fit for fit in fits if fit.epoch == 0}
    rejected = [at_start[family].adjusted for family in ("plain", "residual", "se_residual")]
    assert f"SE-residual networks (adjusted p ≤ {max(rejected):.4f})" in text
    assert f"it is not (p = {at_start['dense'].adjusted:.2f})" in text
    assert all(abs(fit.seen / fit.chi - 1) < 0.04 for fit in at_start.values())
    spreads = [fit.alignment for fit in at_start.values() if fit.alignment]
    assert all(spread.mean_low < 0 < spread.mean_high for spread in spreads)
    assert all(fit.adjusted < 1e-6 for fit in fits if fit.epoch)
    with_skip = [
        [fit.alignment.mean for fit in fits if fit.family == family]
        for family in ("residual", "se_residual", "dense")
    ]
    assert (
        "{:+.2f} (residual), {:+.2f} (SE residual) and {:+.2f} (dense)".format(
            *(means[0] for means in with_skip)
        ).replace("-", "−")
        in text
    )
    assert (
        "it is {:+.2f}, {:+.2f} and {:+.2f}: branch and skip are aligned".format(
            *(means[-1] for means in with_skip)
        )
        in text
    )


def test_the_readme_says_what_batches_say_of_depth(recorded):
    text = " ".join(README.read_text().split())
    starts = [
        median(run.epochs[0].batch_ratio for run in recorded.runs if run.config.depth == depth
               and run.config.family == "plain")
        for depth in (8, 20, 32, 44)
    ]  # fmt: skip
    assert "they start at {:.2g}, {:.0f}, {:.0f} and {:.0f}:".format(*starts) in text
    found = {each.family: each for each in flattenings(recorded.runs)}
    factors = [f"{10**each.before.value:.1f}" for each in found.values()]
    assert (
        "a factor of {} per 10 layers (plain), {} (residual), {} (SE residual) and {} (dense)"
    ).format(*factors) in text
    spans = [f"×{10**each.after.low:.2f} to ×{10**each.after.high:.2f}" for each in found.values()]
    assert "({}, {}, {} and {})".format(*spans) in text
    for each in found.values():
        assert each.before.verdict == "rises"
        assert each.after.verdict == "undecided"
        assert each.after.low < 0 < each.after.high


def test_those_of_a_gpu_are_read_where_there_are_any(monkeypatch, tmp_path):
    monkeypatch.setattr(recorded_module, "RECORDED_ON_GPU", tmp_path)
    assert recorded_module.recorded_on_gpu() == ()
    monkeypatch.setattr(recorded_module, "RECORDED_ON_GPU", RECORDED)
    (found,) = recorded_module.recorded_on_gpu()
    assert found.folder == RECORDED


@pytest.mark.slow
@pytest.mark.skipif(locate("fashion-mnist") is None, reason="Fashion-MNIST is not here")
@pytest.mark.parametrize("name", ["plain-d8-w8-s100", "residual-d8-w8-s101", "dense-d10-w8-s102"])
def test_a_run_can_be_made_again(recorded, tmp_path, name):
    """Before training nothing but rounding differs, between machines too.

    After it, errors are within what another seed changes.
    """
    run = next(run for run in recorded.runs if run.config.run == name)
    data = load("fashion-mnist")
    (config,) = (config for config in preset("cpu").configs(data) if config.run == name)
    assert config == run.config
    perform(config, data, tmp_path, lambda _: None)
    epochs, blocks = (
        read_jsonl(tmp_path / "epochs.jsonl", EpochRow),
        read_jsonl(tmp_path / "blocks.jsonl", BlockRow),
    )
    for again, before in zip(blocks, run.blocks, strict=True):
        assert (again.name, again.epoch) == (before.name, before.epoch)
        if before.epoch == 0:
            assert torch.tensor(again.measured) == pytest.approx(
                torch.tensor(before.measured), rel=1e-5
            )
    siblings = [
        r
        for r in recorded.runs
        if (r.config.family, r.config.depth) == (config.family, config.depth)
    ]
    finals = [r.epochs[-1].test_error for r in siblings]
    assert (
        abs(epochs[-1].test_error - run.epochs[-1].test_error) <= max(finals) - min(finals) + 0.01
    )
