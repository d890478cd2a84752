"""The job behind `validate`: no results are mixed unasked; processes and bars are as promised."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from derivations.errors import InputError
from gradbound import jobs
from validate.progress import silent
from validate.training.budget import Budget
from validate.training.presets import preset
from validate.training.process_share import Rank


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the trainings were asked for, in place of training."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(jobs, "run", lambda *_, **options: calls.append(options))
    monkeypatch.setattr(jobs, "run_share", lambda *_, **options: calls.append(options))
    monkeypatch.setattr(jobs, "for_terminal", lambda quiet: silent if quiet else "a bar")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    return calls


def test_results_are_not_mixed_unasked(tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match=r"results already: give --resume .* another --out"):
        jobs.validate(preset("smoke"), tmp_path, resume=False, quiet=True)
    assert asked == []
    jobs.validate(preset("smoke"), tmp_path, resume=True, quiet=True)
    assert len(asked) == 1


def test_a_cpu_takes_a_process_per_thread(tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    chosen, processes = preset("smoke"), 3
    jobs.validate(chosen, tmp_path, resume=False, quiet=True)
    jobs.validate_share(chosen, tmp_path, Rank(0, 2), quiet=True)
    assert [each["processes"] for each in asked] == [processes] * 2


def test_of_several_processes_the_first_alone_shows_its_progress(
    tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    for rank in (Rank(0, 2), Rank(1, 2)):
        jobs.validate_share(preset("smoke"), tmp_path, rank, quiet=False)
    jobs.validate_share(preset("smoke"), tmp_path, Rank(0, 2), quiet=True)
    assert [each["progress"] for each in asked] == ["a bar", silent, silent]


def test_several_processes_share_a_gpu_but_not_that_of_a_rank(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(jobs, "run_share", lambda *_, **options: calls.append(options))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(16))
    on_gpu = preset("smoke", device="cuda")
    assert jobs.processes_for(on_gpu) == 8
    jobs.validate_share(on_gpu, tmp_path, Rank(0, 2), quiet=True)
    assert calls[0]["processes"] == 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(1))
    assert jobs.processes_for(on_gpu) == 1


def test_what_a_budget_left_out_is_told_with_the_way_on(monkeypatch, tmp_path):
    chosen, told = preset("smoke", seeds=2), []
    run = SimpleNamespace(config=SimpleNamespace(seed=0))
    results = SimpleNamespace(manifest=SimpleNamespace(runs=["r"] * 10), runs=[run] * 10)
    monkeypatch.setattr(jobs, "run_within", lambda *_, **options: results)
    found = jobs.validate_within(
        Budget(9.0), chosen, tmp_path / "a b", resume=False, quiet=True, tell=told.append,
        way_on="gradbound so",
    )  # fmt: skip
    assert found is results
    (line,) = told
    assert line == (
        f"{tmp_path / 'a b'}: the budget ended with 10 of 20 runs (of seeds 0): to carry on, run "
        "`gradbound so`"
    )
    assert "with 0 of 20 runs: to carry on" in jobs.left_out(chosen, tmp_path, None, "so")
    results.manifest.runs *= 2
    assert jobs.left_out(chosen, tmp_path, results, "so") is None


def test_a_budget_does_not_overwrite_results(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="holds results already"):
        jobs.validate_within(
            Budget(9.0), preset("smoke"), tmp_path, resume=False, quiet=True, tell=print,
            way_on="",
        )  # fmt: skip
