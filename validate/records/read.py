"""Reads a results folder back, each file verified against the manifest and each row rechecked.

Whatever is missing, altered, foreign or of another schema raises InputError with one line that
names the file.
"""

from pathlib import Path

from derivations.errors import InputError
from validate.records.codec import MAKE_AGAIN, read_json, read_jsonl
from validate.records.manifest import (
    command,
    is_of_the_first_version,
    mend,
    read_manifest,
    verify,
)
from validate.records.missing_rows import lacking
from validate.records.recheck import recheck
from validate.records.schema import (
    MANIFEST_FILE,
    VANISHING_FILE,
    BlockRow,
    EpochRow,
    Manifest,
    Results,
    Run,
    RunConfig,
    VanishingRow,
    config_digest,
    run_files,
)


def read_results(folder: Path) -> Results:
    """The verified records below `folder`, whose weights may have been left out.

    Raises InputError where any is missing, altered, unfinished or unreadable.
    """
    manifest = read_manifest(folder)
    if manifest.status != "complete":
        carry_on = f"to carry on, run {command(folder, manifest, resume=True)}"
        old = is_of_the_first_version(folder, manifest)
        way_out = mend(folder, manifest, folder) if old else carry_on
        raise InputError(f"{folder} is unfinished: {way_out}")
    expected = {VANISHING_FILE} | {name for run in manifest.runs for name in run_files(run)}
    if manifest.files.keys() != expected:
        odd = min(manifest.files.keys() ^ expected)
        raise InputError(
            f"{folder / MANIFEST_FILE} lists other files than its runs have ({odd}): delete "
            f"{folder} and run {command(folder, manifest, resume=False)}"
        )
    if not manifest.runs or len(set(manifest.runs)) != len(manifest.runs):
        raise InputError(f"{folder / MANIFEST_FILE} lists no runs, or one twice: {MAKE_AGAIN}")
    for name in sorted(expected):
        verify(folder, manifest, name)
    runs = tuple(_read_run(folder, run, manifest) for run in manifest.runs)
    if manifest.config != config_digest(run.config for run in runs):
        raise InputError(
            f"{folder / MANIFEST_FILE} belongs to other configurations: delete {folder} and "
            f"run {command(folder, manifest, resume=False)}"
        )
    vanishing = tuple(read_jsonl(folder / VANISHING_FILE, VanishingRow))
    # Without one no limit would be checked, and none missed.
    if not any(row.epsilon == 0 for row in vanishing):
        raise InputError(
            f"{folder / VANISHING_FILE} has no vanished branch: "
            f"{mend(folder, manifest, folder / VANISHING_FILE)}"
        )
    return Results(folder, manifest, runs, vanishing)


def _read_run(folder: Path, run: str, manifest: Manifest) -> Run:
    place = folder / "runs" / run
    way_out = mend(folder, manifest, place)
    config = read_json(place / "config.json", RunConfig)
    epochs = read_jsonl(place / "epochs.jsonl", EpochRow)
    blocks = read_jsonl(place / "blocks.jsonl", BlockRow)
    if {config.run, *(row.run for row in epochs), *(row.run for row in blocks)} != {run}:
        raise InputError(f"{place} holds records of another run: {way_out}")
    if wrong := lacking(config, epochs, blocks):
        raise InputError(f"{place} {wrong}: {way_out}")
    recheck(place, epochs, blocks, way_out)
    return Run(config, tuple(epochs), tuple(blocks))
