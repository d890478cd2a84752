"""Keeps a results folder: what it was made with, which runs are in it, and whether it is complete.

Several processes may fill one folder. Each change of the manifest is a read and an atomic write
under a lock, and "complete" is written only when the files of every run are listed, so that a
process that dies leaves a folder that says it is unfinished.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from derivations.errors import InputError
from validate.records.codec import write_jsonl
from validate.records.manifest import read_manifest, verify, write_manifest
from validate.records.schema import MANIFEST_FILE, VANISHING_FILE, Manifest, VanishingRow, run_files
from validate.records.storage import (
    is_inside,
    is_temporary,
    locked,
    make_folder,
    read_bytes,
    remove_temporaries,
    sha256,
)

RUNS = "runs"
_PATIENCE = 600.0
"""Seconds to wait for another process's change of the manifest, the vanishing-branch experiment of
whoever completes it included."""
_AFTERLIFE = 10.0
"""Seconds to wait for a worker whose sweep was killed, and which ends a moment later."""


def open_folder(
    out: Path, header: Manifest, digest_of: Callable[[Collection[str]], str] = lambda runs: ""
) -> Manifest:
    """The manifest to go on from: `header` in a new or empty folder, else the one found there, if
    it is of the same making.

    One of fewer runs, in the same order, is extended, if nobody is at work in the folder;
    `digest_of` tells the digest of the configurations of some runs of `header`. Runs that it lists
    but whose folders were deleted are struck from it. Raises InputError for any other folder.
    """
    make_folder(out)
    with _changing(out):
        found = _found(out)
        manifest = found or header
        if found is not None and _grows(found, header, digest_of):
            _make_inner(out, out / RUNS)
            with held(out, shared=False):  # a sweep of fewer seeds would not know the others
                manifest = header.model_copy(update={"files": found.files})
        manifest = _without_the_deleted(out, _same_making(out, manifest, header))
        if manifest != found:
            write_manifest(out, manifest)
        _make_inner(out, out / RUNS)
        return manifest


@contextmanager
def held(out: Path, *, shared: bool) -> Iterator[None]:
    """Keeps other sweeps out of the folder, but for the other ranks of this one where `shared`.

    Raises InputError if one is there.
    """
    with locked(out / RUNS, shared=shared):
        yield


@contextmanager
def claimed(out: Path, run: str) -> Iterator[Path]:
    """The folder of a run, made and held for this process alone, what interrupted writes left in it
    removed. Raises InputError.
    """
    folder = out / RUNS / run
    _make_inner(out, folder)
    with locked(folder, patience=_AFTERLIFE):
        remove_temporaries(folder)
        yield folder


def is_finished(out: Path, manifest: Manifest, run: str) -> bool:
    """Whether the run is listed.

    Raises InputError where it is listed, but altered.
    """
    names = run_files(run)
    if not manifest.files.keys() >= set(names):
        return False
    # Before hours are spent on the other runs, before anything in the folder is made anew, and by
    # every process: the one that reads the folder back may be another.
    for name in names:
        verify(out, manifest, name)
    return True


def register(out: Path, run: str) -> None:
    """Lists the files of a finished run in the manifest."""
    with _changing(out):
        write_manifest(out, _with_files(out, read_manifest(out), run_files(run)))


def settle_for(out: Path, header: Manifest) -> None:
    """Lists the runs of `header` alone: the others wait in their folders until it is extended."""
    with _changing(out):
        names = {name for run in header.runs for name in run_files(run)}
        files = {name: digest for name, digest in read_manifest(out).files.items() if name in names}
        write_manifest(out, header.model_copy(update={"files": files}))


def complete(out: Path, experiment: Callable[[], Iterator[VanishingRow]]) -> bool:
    """Adds the vanishing-branch experiment and marks the folder complete, if every run is listed.

    Says whether it was not before.
    """
    with _changing(out):
        manifest = read_manifest(out)
        if any(name not in manifest.files for run in manifest.runs for name in run_files(run)):
            return False
        # Made anew even where it is there: that is how a deleted or altered one is mended.
        write_jsonl(out / VANISHING_FILE, list(experiment()))
        write_manifest(
            out,
            _with_files(out, manifest, (VANISHING_FILE,)).model_copy(update={"status": "complete"}),
        )
        return manifest.status != "complete"


@contextmanager
def _changing(out: Path) -> Iterator[None]:
    """Nobody else reads or writes the files in `out` itself meanwhile, so whatever is temporary
    there was left behind.
    """
    with locked(out, patience=_PATIENCE):
        remove_temporaries(out)
        yield


def _make_inner(out: Path, folder: Path) -> None:
    if not is_inside(folder, out):
        raise InputError(
            f"{folder} leads out of the results folder: remove the link and give the same "
            "command again"
        )
    make_folder(folder)


def _found(out: Path) -> Manifest | None:
    """The manifest in the folder; None where that is empty."""
    if (out / MANIFEST_FILE).exists():
        return read_manifest(out)
    if any(not is_temporary(path) for path in out.iterdir()):
        raise InputError(f"{out} is not empty and holds no {MANIFEST_FILE}: choose another --out")
    return None


def _grows(found: Manifest, header: Manifest, digest_of: Callable[[Collection[str]], str]) -> bool:
    """Whether `header` is `found` with more seeds or networks, and all else as it was."""
    known = set(found.runs)
    grown = {"seeds", "command", "config", "runs"}
    same = header.model_fields_set - {"status", "files"} - grown
    return (
        found.runs != header.runs
        and found.runs == tuple(run for run in header.runs if run in known)
        and set(found.seeds) <= set(header.seeds)
        and all(getattr(found, field) == getattr(header, field) for field in same)
        and found.config == digest_of(known)
    )


def _same_making(out: Path, found: Manifest, header: Manifest) -> Manifest:
    # What a folder holds grows; how it was made must not change.
    for field in sorted(header.model_fields_set - {"status", "files"}):
        if getattr(found, field) != getattr(header, field):
            there, here = getattr(found, field), getattr(header, field)
            fewer = len(header.runs) < len(found.runs)
            if field == "command" and fewer and header.runs == found.runs[: len(header.runs)]:
                raise InputError(
                    f"{out} holds {len(found.seeds)} seeds already, not {len(header.seeds)}: ask "
                    f"for --seeds {len(found.seeds)} or more, or choose another --out"
                )
            if field == "config":
                raise InputError(
                    f"{out} was made with other settings or other images: choose another "
                    "--out, or delete it to start afresh"
                )
            raise InputError(
                f"{out} was made with {field} {there}, not {here}: choose another --out, or "
                "delete it to start afresh"
            )
    return found


def _without_the_deleted(out: Path, manifest: Manifest) -> Manifest:
    deleted = {
        name for run in manifest.runs if not (out / RUNS / run).exists() for name in run_files(run)
    }
    if not deleted & manifest.files.keys():
        return manifest
    files = {name: digest for name, digest in manifest.files.items() if name not in deleted}
    return manifest.model_copy(update={"status": "running", "files": files})


def _with_files(out: Path, manifest: Manifest, names: Sequence[str]) -> Manifest:
    digests = manifest.files | {name: sha256(read_bytes(out / name)) for name in names}
    return manifest.model_copy(update={"files": dict(sorted(digests.items()))})
