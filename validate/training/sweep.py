"""Runs a preset from end to end and leaves a verified results folder.

Finished runs are skipped, unfinished ones resumed; a folder made under another configuration is
refused, never mixed.
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import count
from pathlib import Path

import torch

from derivations.errors import InputError
from validate.comparison.vanishing import experiment
from validate.data.datasets import load
from validate.data.splits import Dataset
from validate.progress import Advance, Progress, silent
from validate.records.folder import claimed, complete, held, is_finished, open_folder, register
from validate.records.read import read_results
from validate.records.schema import Manifest, Results, RunConfig, config_digest
from validate.training.budget import Budget
from validate.training.measured_run import perform
from validate.training.presets import Preset
from validate.training.process_share import Rank
from validate.training.processor import versions
from validate.training.workers import spread, tell_parent


def run(
    preset: Preset,
    out: Path,
    *,
    data_folder: Path | None = None,
    progress: Progress = silent,
    processes: int = 1,
) -> Results:
    """Completes the preset's runs and the vanishing-branch experiment in `out`, and reads the
    records back.

    The records do not depend on `processes`; a script that asks for more than one needs the guard
    `if __name__ == "__main__"`. Interrupted at any moment, the same call resumes, and the final
    folder is byte-identical to that of an unbroken call. Raises InputError for a missing data set
    or device, a folder that cannot be written or holds something else, and altered records.
    """
    results = run_share(
        preset, out, Rank(), data_folder=data_folder, progress=progress, processes=processes
    )
    assert results is not None, "a process alone completes the folder"
    return results


def run_share(
    preset: Preset,
    out: Path,
    rank: Rank,
    *,
    data_folder: Path | None = None,
    progress: Progress = silent,
    processes: int = 1,
) -> Results | None:
    """The same by one of several processes, each of which completes its share of the runs.

    Whoever finds them all there completes the folder, byte-identical to that of `run`, and reads it
    back; a folder that was complete from the start is read by the first. None for the others.
    Raises InputError as `run` does.
    """
    check_device(preset.device, rank)
    dataset = load(preset.dataset, data_folder)
    configs = tuple(preset.configs(dataset))
    manifest = open_for(preset, configs, out)
    with held(out, shared=not rank.alone):
        # The deepest first: the last to finish is then a short one, and nobody waits long for it.
        share = rank.share(sorted(configs, key=lambda config: -config.depth))
        unfinished = [config for config in share if not is_finished(out, manifest, config.run)]
        with progress(units(unfinished), "epochs") as advance:
            for config in perform_all(unfinished, dataset, data_folder, out, advance, processes):
                register(out, config.run)
        completes = complete(out, experiment)
        return (
            read_results(out)
            if completes or (manifest.status == "complete" and rank.number == 0)
            else None
        )


def check_device(device: str, rank: Rank) -> None:
    """Raises InputError for a device that is unknown or not there, else prepares for it."""
    kind, _, number = device.partition(":")
    if device != "cpu" and not (kind == "cuda" and (device == "cuda" or number.isdecimal())):
        raise InputError(f"unknown device {device!r}: choose cpu, cuda or cuda:N")
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "no CUDA device is available: choose --device cpu, or --preset cpu or smoke"
        )
    if device == "cuda" and not rank.alone:
        torch.cuda.set_device(rank.local % torch.cuda.device_count())
    # Without it, cuBLAS refuses deterministic algorithms.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def open_for(preset: Preset, configs: Sequence[RunConfig], out: Path) -> Manifest:
    """The manifest of a folder that is to hold these runs. Raises InputError as `run` does."""

    def digest_of(runs: Collection[str]) -> str:
        return config_digest(config for config in configs if config.run in runs)

    return open_folder(out, header(preset, configs), digest_of)


def header(preset: Preset, configs: Sequence[RunConfig]) -> Manifest:
    """What the manifest of a folder with these runs says before any is there."""
    return Manifest(
        status="running",
        versions=versions(preset.device),
        device=preset.device,
        threads=preset.threads,
        preset=preset.name,
        dataset=preset.dataset,
        seeds=preset.seeds,
        command=preset.command,
        config=config_digest(configs),
        runs=tuple(config.run for config in configs),
        files={},
    )


def units(configs: Sequence[RunConfig]) -> Mapping[str, int]:
    """The runs as a display of progress counts them: by epochs, of which the first is 0."""
    return {config.run: config.epochs + 1 for config in configs}


def perform_all(
    configs: list[RunConfig],
    dataset: Dataset,
    data_folder: Path | None,
    out: Path,
    advance: Advance,
    processes: int,
    budget: Budget | None = None,
) -> Iterator[RunConfig]:
    """Performs the runs in their order and yields each when it is finished.

    Raises OutOfTimeError when the budget has ended, amid a run.
    """
    if min(processes, len(configs)) <= 1:
        for config in configs:
            with claimed(out, config.run) as folder:
                perform(config, dataset, folder, _within(budget, config, advance))
            yield config
        return
    left = None if budget is None else budget.left
    for config in spread(
        partial(_perform_alone, data_folder, out),
        configs,
        min(processes, len(configs)),
        left,
        advance,
    ):
        yield config


loaded = lru_cache(maxsize=1)(load)
"""Once in every process that performs several runs."""


def _perform_alone(data_folder: Path | None, out: Path, config: RunConfig) -> RunConfig:
    """One run in a process of its own."""
    with claimed(out, config.run) as folder:
        perform(config, loaded(config.dataset, data_folder), folder, tell_parent)
    return config


def _within(budget: Budget | None, config: RunConfig, advance: Advance) -> Advance:
    """Stops a run after the epoch in which the budget ends, unless it was the last."""
    heard = count(1)

    def advance_if_time(label: str) -> None:
        advance(label)
        if budget is not None and next(heard) <= config.epochs:
            budget.check()

    return advance_if_time
