"""The job behind `validate`: no results are mixed unasked; processes and bars are as promised."""

from pathlib import Path
from typing import Any

import pytest
import torch

from derivations.errors import InputError
from gradbound import jobs
from validate.progress import silent
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


@pytest.mark.parametrize(("device", "processes"), [("cpu", 3), ("cuda", 1)])
def test_a_cpu_takes_a_process_per_thread_and_a_gpu_one(
    tmp_path: Path, asked: list[dict[str, Any]], device: str, processes: int
) -> None:
    chosen = preset("smoke", device=device)
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
