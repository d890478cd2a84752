"""A sweep within a budget: it leaves a folder that is complete for whole seeds, and carries on."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from test_validate.tiny import MINIATURE, contents

from validate.records.manifest import read_manifest
from validate.records.read import read_results
from validate.records.schema import VanishingRow
from validate.training import processor, sweep, timed_sweep
from validate.training.budget import Budget, OutOfTimeError
from validate.training.dry_run import Cost
from validate.training.sweep import run
from validate.training.timed_sweep import dry_run, run_within, whole

THREE = replace(MINIATURE, seeds=(100, 101, 102))
RUNS = [f"{kind}-s{seed}" for seed in THREE.seeds for kind in ("plain-d8-w2", "dense-d7-w2")]


class Counted:
    """A budget of so many epochs."""

    def __init__(self, epochs):
        self.left = float(epochs)

    def check(self):
        self.left -= 1
        if self.left <= 0:
            raise OutOfTimeError


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """A vanishing-branch experiment of one row."""
    row = VanishingRow(family="plain", inputs=1, epsilon=0.0, seed=0, predicted=0.0, measured=0.0)
    for module in (sweep, timed_sweep):
        monkeypatch.setattr(module, "experiment", lambda: iter([row]))


@pytest.fixture(scope="module")
def at_once(tmp_path_factory):
    out = tmp_path_factory.mktemp("at once") / "results"
    patch = pytest.MonkeyPatch()
    row = VanishingRow(family="plain", inputs=1, epsilon=0.0, seed=0, predicted=0.0, measured=0.0)
    patch.setattr(sweep, "experiment", lambda: iter([row]))
    run(THREE, out)
    patch.undo()
    return out


def test_it_ends_with_whole_seeds_and_carries_on_to_the_same_bytes(tmp_path, at_once):
    """One epoch of each run counts: its last is not interrupted."""
    out = tmp_path / "results"
    assert run_within(Counted(1), THREE, out) is None
    assert read_manifest(out).status == "running"
    for epochs, runs in ((2, RUNS[:1]), (2, RUNS[:2]), (4, RUNS[:4]), (9, RUNS)):
        results = run_within(Counted(epochs), THREE, out)
        assert [each.config.run for each in results.runs] == runs
        assert read_results(out) == results
        seeds = {int(name[-3:]) for name in runs}
        assert set(results.manifest.seeds) == seeds
        assert f"--seeds {len(seeds)} " in results.manifest.command
    assert contents(out) == contents(at_once)


def test_what_was_left_out_is_done_by_a_sweep_without_a_budget(tmp_path, at_once):
    out = tmp_path / "results"
    run_within(Counted(4), THREE, out)
    run(THREE, out)
    assert contents(out) == contents(at_once)


def test_workers_are_ended_in_time(tmp_path):
    out = tmp_path / "results"
    found = run_within(Budget(2.0), THREE, out, processes=2)
    assert found is None or len(found.runs) < len(RUNS)


def test_on_a_gpu_a_dry_run_comes_first_and_what_does_not_fit_is_not_begun(tmp_path, monkeypatch):
    """Which here is the CPU, by another name."""
    for module in (sweep, timed_sweep):
        monkeypatch.setattr(module, "check_device", lambda *_: None)
    monkeypatch.setattr(processor, "accelerator", lambda device: {})
    monkeypatch.setattr(
        timed_sweep,
        "costs",
        lambda configs, *_: [Cost("plain-8", 3.0, 1.0, 1.0), Cost("dense-7", 3.0, 1.0, 1.0)],
    )
    begun = []
    monkeypatch.setattr(
        sweep,
        "perform",
        lambda config, *_: begun.append(config.run) or (_ for _ in ()).throw(OutOfTimeError),
    )
    told = []
    elsewhere = replace(THREE, device="cpu:0")
    budget = SimpleNamespace(left=29.0, check=lambda: None)
    assert run_within(budget, elsewhere, tmp_path / "results", tell=told.append) is None
    assert begun == ["plain-d8-w2-s100"]
    assert told[-2] == "6 runs, 1 at a time, take about 42 seconds"
    assert told[-1] == (
        "29 seconds are left for training: without plain-d8-w2-s102, dense-d7-w2-s102"
    )


def test_whole_seeds_are_the_leading_ones():
    configs = [SimpleNamespace(run=f"{n}-{s}", seed=s) for s in (100, 101, 102) for n in "ab"]

    def kept(*finished):
        return [config.run for config in whole(configs, set(finished))]

    assert kept() == []
    assert kept("b-100") == ["b-100"]
    assert kept("a-101", "b-101") == []
    assert kept("a-100", "b-100", "b-101") == ["a-100", "b-100"]
    assert kept("a-100", "b-100", "b-101", "a-102", "b-102") == ["a-100", "b-100"]
    assert kept(*(config.run for config in configs)) == [config.run for config in configs]


def test_a_dry_run_tells_what_a_budget_has_room_for(monkeypatch):
    monkeypatch.setattr(
        timed_sweep,
        "costs",
        lambda configs, *_: [Cost("plain-8", 3.0, 1.0, 1.0), Cost("dense-7", 3.0, 1.0, 1.0)],
    )
    assert dry_run(THREE)[-1] == "6 runs, 1 at a time, take about 42 seconds"
    lines = dry_run(THREE, processes=2, budget=Budget(36.0))
    assert lines[-2] == "6 runs, 2 at a time, take about 21 seconds"
    assert lines[-1].endswith("without plain-d8-w2-s102, dense-d7-w2-s102")
    assert torch.get_num_threads() >= 1
