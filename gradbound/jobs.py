"""Does the job behind the verb `validate`, and says what it found."""

import os
from collections.abc import Callable
from pathlib import Path

import torch

from derivations.errors import InputError
from validate.progress import for_terminal
from validate.records.manifest import read_manifest
from validate.records.schema import MANIFEST_FILE, Results, run_files
from validate.study.run_study import run_study
from validate.study.study_folder import PROTOCOL_FILE, Study
from validate.training.budget import Budget
from validate.training.presets import Preset
from validate.training.process_share import Rank
from validate.training.sweep import run, run_share
from validate.training.timed_sweep import run_within

ON_A_GPU = 8
"""Processes at most that share one."""


def validate(
    preset: Preset, out: Path, *, data_dir: Path | None = None, resume: bool, quiet: bool
) -> Results:
    """Runs the preset in the folder, on what it holds already only if `resume` is set.

    Raises InputError for such a folder otherwise. On the CPU it takes as many processes as torch
    would take threads, which OMP_NUM_THREADS limits.
    """
    _refuse_results(out, resume)
    return run(
        preset,
        out,
        data_folder=data_dir,
        progress=for_terminal(quiet),
        processes=processes_for(preset),
    )


def validate_within(
    budget: Budget,
    preset: Preset,
    out: Path,
    *,
    data_dir: Path | None = None,
    resume: bool,
    quiet: bool,
    tell: Callable[[str], None],
    way_on: str,
) -> Results | None:
    """The same as far as it goes in that time, None if that is not one run; `tell` hears of what is
    missing, and of the command that is the `way_on`.
    """
    _refuse_results(out, resume)
    results = run_within(
        budget,
        preset,
        out,
        data_folder=data_dir,
        progress=for_terminal(quiet),
        processes=processes_for(preset),
        tell=tell,
    )
    if missing := left_out(preset, out, results, way_on):
        tell(missing)
    return results


def _refuse_results(out: Path, resume: bool) -> None:
    if not resume and is_there(out):
        raise InputError(
            f"{out} holds results already: give --resume to carry on with them, or choose "
            "another --out"
        )


def left_out(preset: Preset, out: Path, results: Results | None, way_on: str) -> str | None:
    """What a budget had no room for, and how to carry on; None where nothing is missing."""
    listed = () if results is None else results.manifest.runs
    if len(listed) == preset.runs:
        return None
    whole = {run.config.seed for run in results.runs} if results else set()
    seeds = f" (of seeds {', '.join(map(str, sorted(whole)))})" if whole else ""
    return (
        f"{out}: the budget ended with {len(listed)} of {preset.runs} runs{seeds}: to carry on, "
        f"run `{way_on}`"
    )


def validate_share(
    preset: Preset, out: Path, rank: Rank, *, data_dir: Path | None = None, quiet: bool
) -> Results | None:
    """The same by one of several processes, which carries on with what it finds.

    None in all but the one that completes the folder; the first alone shows its progress.
    """
    progress = for_terminal(quiet or rank.number > 0)
    # Workers would know nothing of the device that is this process's.
    processes = processes_for(preset) if preset.device == "cpu" else 1
    return run_share(
        preset, out, rank, data_folder=data_dir, progress=progress, processes=processes
    )


def study(out: Path, *, data_dir: Path | None = None, resume: bool, quiet: bool) -> Study:
    """Runs the study in the folder, as `validate` does a preset."""
    _refuse_results(out, resume)
    return run_study(
        out,
        data_folder=data_dir,
        progress=for_terminal(quiet),
        processes=processes_of_study(),
    )


def processes_of_study() -> int:
    """As many as torch would take threads."""
    return torch.get_num_threads()


def is_there(out: Path) -> bool:
    """Whether the folder holds results or a study, finished or not."""
    return (out / MANIFEST_FILE).exists() or (out / PROTOCOL_FILE).exists()


def share_done(out: Path, rank: Rank, way_on: str) -> str:
    """What is left to do in the folder when one of several processes has done its share; `way_on`:
    the command that does it.
    """
    manifest = read_manifest(out)
    left = sum(not manifest.files.keys() >= set(run_files(run)) for run in manifest.runs)
    return (
        f"{out}: process {rank.number} of {rank.size} has done its share, {left} of "
        f"{len(manifest.runs)} runs are left to the others; if there are no others, unset RANK and "
        f"WORLD_SIZE and run `{way_on}`"
    )


def processes_for(preset: Preset) -> int:
    """On the CPU as many as torch would take threads; on a GPU, which runs the small kernels of
    narrow networks faster than a process launches them, several beside each other.
    """
    if preset.device == "cpu":
        return torch.get_num_threads()
    return max(min(ON_A_GPU, len(os.sched_getaffinity(0)) // 2), 1)
