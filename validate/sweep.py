"""Runs a preset from end to end and leaves a verified results folder.

Finished runs are skipped, unfinished ones resumed; a folder made under another configuration is refused, never mixed.
"""

import os
import platform
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from derivations.errors import InputError
from validate.codec import read_json, write_json, write_jsonl
from validate.data import Dataset, load
from validate.presets import Preset
from validate.progress import Advance, Progress, silent
from validate.records import MANIFEST_FILE, VANISHING_FILE, Manifest, Results, RunConfig, read_results, run_files, verify
from validate.runs import perform
from validate.storage import is_temporary, locked, make_folder, read_bytes, remove_temporaries, sha256
from validate.vanishing import experiment
from validate.workers import spread


def run(preset: Preset, out: Path, *, data_folder: Path | None = None, progress: Progress = silent, processes: int = 1) -> Results:
    """Completes the preset's runs and the vanishing-branch experiment in `out`, and reads the records back.

    The records do not depend on `processes`; a script that asks for more than one needs the guard `if __name__ == "__main__"`.
    Interrupted at any moment, the same call resumes, and the final folder is byte-identical to that of an unbroken call. Raises
    InputError for a missing data set or device, a folder that cannot be written or holds something else, and altered records.
    """
    _check_device(preset.device)
    dataset = load(preset.dataset, data_folder)
    make_folder(out)
    with locked(out):
        return _complete(preset, dataset, out, data_folder, progress, processes)


def _complete(preset: Preset, dataset: Dataset, out: Path, data_folder: Path | None, progress: Progress, processes: int) -> Results:
    configs = tuple(preset.configs(dataset))
    manifest = _open(out, _header(preset, configs))
    unfinished = [config for config in configs if not _is_finished(config, out, manifest)]
    with progress(sum(config.epochs + 1 for config in unfinished)) as advance:
        for config in _perform_all(unfinished, dataset, data_folder, out, advance, processes):
            manifest = _with_files(out, manifest, run_files(config.run))
            write_json(out / MANIFEST_FILE, manifest)
    write_jsonl(out / VANISHING_FILE, list(experiment()))
    write_json(out / MANIFEST_FILE, _with_files(out, manifest, (VANISHING_FILE,)).model_copy(update={"status": "complete"}))
    return read_results(out)


def _check_device(device: str) -> None:
    kind, _, number = device.partition(":")
    if device != "cpu" and not (kind == "cuda" and (device == "cuda" or number.isdecimal())):
        raise InputError(f"unknown device {device!r}: choose cpu, cuda or cuda:N")
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError("no CUDA device is available: choose --device cpu, or --preset cpu or smoke")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it, cuBLAS refuses deterministic algorithms


def _header(preset: Preset, configs: Sequence[RunConfig]) -> Manifest:
    return Manifest(
        status="running",
        versions={"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        device=preset.device,
        threads=preset.threads,
        preset=preset.name,
        dataset=preset.dataset,
        seeds=preset.seeds,
        command=preset.command,
        config=sha256("".join(config.hash for config in configs).encode()),
        runs=tuple(config.run for config in configs),
        files={},
    )


def _open(out: Path, header: Manifest) -> Manifest:
    """The manifest to go on from: `header` in a new or empty folder, else the one found there, if it is of the same making."""
    if not (out / MANIFEST_FILE).exists():
        if any(not is_temporary(path) for path in out.iterdir()):
            raise InputError(f"{out} is not empty and holds no {MANIFEST_FILE}: choose another --out")
        remove_temporaries(out)
        write_json(out / MANIFEST_FILE, header)
        return header
    found = read_json(out / MANIFEST_FILE, Manifest)
    for field in sorted(header.model_fields_set - {"status", "files"}):
        if getattr(found, field) != getattr(header, field):
            there, here = getattr(found, field), getattr(header, field)
            raise InputError(f"{out} was made with {field} {there}, not {here}: choose another --out, or delete it to start afresh")
    remove_temporaries(out)
    return found.model_copy(update={"status": "running"})


def _is_finished(config: RunConfig, out: Path, manifest: Manifest) -> bool:
    """Whether the run is there and verified; raises InputError where it is there but altered."""
    names = run_files(config.run)
    if not (out / "runs" / config.run).exists() or not manifest.files.keys() >= set(names):
        return False
    for name in names:
        verify(out, manifest, name)
    return True


def _perform_all(
    configs: list[RunConfig], dataset: Dataset, data_folder: Path | None, out: Path, advance: Advance, processes: int
) -> Iterator[RunConfig]:
    """Performs the runs, the deepest first, and yields each when it is finished."""
    ordered = sorted(configs, key=lambda config: -config.depth)
    if min(processes, len(ordered)) <= 1:
        for config in ordered:
            perform(config, dataset, out / "runs" / config.run, advance)
            yield config
        return
    for config in spread(partial(_perform_alone, data_folder, out), ordered, min(processes, len(ordered))):
        for _ in range(config.epochs + 1):
            advance(config.run)
        yield config


def _perform_alone(data_folder: Path | None, out: Path, config: RunConfig) -> RunConfig:
    """One run in a process of its own."""
    with silent(0) as advance:
        perform(config, load(config.dataset, data_folder), out / "runs" / config.run, advance)
    return config


def _with_files(out: Path, manifest: Manifest, names: Sequence[str]) -> Manifest:
    digests = manifest.files | {name: sha256(read_bytes(out / name)) for name in names}
    return manifest.model_copy(update={"files": dict(sorted(digests.items()))})
