"""Reads and writes the manifest of a results folder, and verifies the files that it lists.

Whatever is missing, altered or foreign raises InputError with one line that names the file.
"""

import shlex
from pathlib import Path

from derivations.errors import InputError
from validate.records.codec import MAKE_AGAIN, decode, encode, write_json
from validate.records.schema import MANIFEST_FILE, WEIGHTS, Manifest
from validate.records.storage import WaysOut, is_inside, read_bytes, sha256


def read_manifest(folder: Path) -> Manifest:
    """The manifest in `folder`.

    Raises InputError unless it is, byte for byte, one that `write_manifest` wrote.
    """
    path = folder / MANIFEST_FILE
    to_make = f"run `gradbound validate --out {shlex.quote(str(folder))}` to make it"
    if folder.is_dir() and any(folder.iterdir()):
        to_make = f"choose another folder, or delete {folder} and {to_make}"
    data = read_bytes(path, ways_out=WaysOut(to_make, MAKE_AGAIN, MAKE_AGAIN))
    manifest = decode(data, Manifest, str(path))
    # Bytes, not fields: a key given twice or other white space decodes to the same manifest.
    if encode(_sealed(manifest)) != data:
        raise InputError(f"{path} was altered (it does not match its seal): {MAKE_AGAIN}")
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replaces the manifest in `folder`, sealed anew."""
    write_json(folder / MANIFEST_FILE, _sealed(manifest))


def command(folder: Path, manifest: Manifest, *, resume: bool) -> str:
    """What to type to make the folder, or to carry on with it."""
    # Anew from its parts, each quoted: what a manifest calls its command may be anything.
    words = [
        *("gradbound", "validate", "--preset", manifest.preset, "--dataset", manifest.dataset),
        *("--seeds", str(len(manifest.seeds)), "--device", manifest.device, "--out", str(folder)),
        *(["--resume"] if resume else []),
    ]
    embedded = manifest.dataset == "digits"
    return f"`{shlex.join(words)}`{'' if embedded else ', and its --data-dir if it had one'}"


def mend(folder: Path, manifest: Manifest, place: Path) -> str:
    """What to do where `place` in the folder is wrong: delete it and carry on; of records of the
    first version, which nothing makes any more, delete them all.
    """
    old = is_of_the_first_version(folder, manifest)
    gone = folder if old else place
    return f"delete {gone} and run {command(folder, manifest, resume=not old)}"


def is_of_the_first_version(folder: Path, manifest: Manifest) -> bool:
    """Whether some run in the folder says so."""
    return any(_says_so(folder / "runs" / run) for run in manifest.runs)


def _says_so(run: Path) -> bool:
    try:
        return b'"gradbound.config/1"' in read_bytes(run / "config.json")
    except InputError:  # which says nothing of the others
        return False


def verify(folder: Path, manifest: Manifest, name: str) -> None:
    """Raises InputError unless the listed file lies within `folder` and has its digest.

    Weights may be missing: no record needs them.
    """
    path = folder / name
    # A link that leads nowhere does not exist either, and is no missing file.
    if path.name == WEIGHTS and not path.exists() and not path.is_symlink():
        return
    if not is_inside(path, folder):
        raise InputError(
            f"{path} leads out of the results folder: remove the link and run "
            f"{command(folder, manifest, resume=True)}"
        )
    way_out = mend(folder, manifest, path if path.parent == folder else path.parent)
    if sha256(read_bytes(path, ways_out=WaysOut(*[way_out] * 3))) != manifest.files[name]:
        raise InputError(f"{path} does not match its digest in {MANIFEST_FILE}: {way_out}")


def _sealed(manifest: Manifest) -> Manifest:
    return manifest.model_copy(
        update={"seal": sha256(encode(manifest.model_copy(update={"seal": ""})))}
    )
