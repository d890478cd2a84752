"""Tests that no file makes a reader run code, hang, fill the memory or look outside its folder.

Each is refused with exit code 3.
"""

import gzip
import io
import json
import os
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from test_validate.image_files import encoded, image_folder, pixels, png
from test_validate.tiny import TINY

from gradbound.exits import guard
from validate.data.datasets import load
from validate.records.codec import encode
from validate.records.manifest import read_manifest, write_manifest
from validate.records.read import read_results
from validate.records.storage import sha256
from validate.training import checkpoints
from validate.training.sweep import run

STATE = {"weight": torch.arange(12.0).reshape(3, 4)}
HASH = "c" * 64
RUN = "runs/dense-d7-w2-s0"
ABOUT = json.dumps(
    {"format": checkpoints.FORMAT, "config": HASH, "epoch": 1, "rows": HASH, "digest": HASH}
)
WEIGHT = {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]}


def pickled(canary: Path) -> bytes:
    """A pickle of protocol 0 that creates the canary when it is read: os.system("touch …")."""
    return f"cos\nsystem\n(S'touch {canary}'\ntR.".encode()


def zipped(canary: Path) -> bytes:
    """The layout of torch.save and of .pt2 archives: a zip with a pickle in it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(canary))
        archive.writestr("archive/version", b"3\n")
    return stream.getvalue()


def safetensors(
    header: bytes | str | dict[str, object], data: bytes = bytes(48), length: int | None = None
) -> bytes:
    """A safetensors file with this header, whatever it says."""
    text = json.dumps(header) if isinstance(header, dict) else header
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def tensors(**entries: object) -> bytes:
    return safetensors({"__metadata__": {"gradbound": ABOUT}, **entries})


def at(start: int, end: int) -> dict[str, object]:
    return WEIGHT | {"data_offsets": [start, end]}


TWICE = (
    f'{{"__metadata__": {{"gradbound": {json.dumps(ABOUT)}}}, '
    f'"weight": {json.dumps(WEIGHT)}, "weight": {json.dumps(WEIGHT)}}}'
)

CHECKPOINTS: dict[str, Callable[[Path], bytes]] = {
    "a pickle": pickled,
    "a zip of a pickle": zipped,
    "a pickle behind a header length": lambda canary: struct.pack("<Q", 20) + pickled(canary),
    "a header of 2^63 bytes": lambda _: safetensors("{}", length=2**63),
    "a header of 1 GB": lambda _: safetensors("{}", length=10**9),
    "a negative offset": lambda _: tensors(weight=at(-48, 0)),
    "an offset beyond the end": lambda _: tensors(weight=at(0, 2**40)),
    "offsets in reverse": lambda _: tensors(weight=at(48, 0)),
    "overlapping tensors": lambda _: tensors(weight=at(0, 48), other=at(0, 48)),
    "a hole between tensors": lambda _: tensors(weight=at(0, 48), other=at(96, 144)),
    "a shape that overflows": lambda _: tensors(weight=WEIGHT | {"shape": [2**62, 2**62]}),
    "a negative shape": lambda _: tensors(weight=WEIGHT | {"shape": [-3, -4]}),
    "an empty tensor of 2^63 columns": lambda _: safetensors(
        {"__metadata__": {"gradbound": ABOUT}, "weight": at(0, 0) | {"shape": [0, 2**63]}}, b""
    ),
    "null in place of metadata": lambda _: safetensors({"__metadata__": None, "weight": WEIGHT}),
    "an unknown dtype": lambda _: tensors(weight=WEIGHT | {"dtype": "PICKLE"}),
    "duplicate keys": lambda _: safetensors(TWICE),
    "a header nested 100,000 deep": lambda _: safetensors("[" * 100_000),
    "metadata nested 100,000 deep": lambda _: safetensors(
        {"__metadata__": {"gradbound": "[" * 100_000}, "weight": WEIGHT}
    ),
    "metadata with NaN": lambda _: safetensors(
        {"__metadata__": {"gradbound": ABOUT.replace("1,", "NaN,")}, "weight": WEIGHT}
    ),
    "metadata with a number of 10,000 digits": lambda _: safetensors(
        {"__metadata__": {"gradbound": ABOUT.replace("1,", "9" * 10_000 + ",")}, "weight": WEIGHT}
    ),
    "a tensor named like a path": lambda _: tensors(**{"../../weight": WEIGHT}),
}


@pytest.fixture
def canary(tmp_path):
    path = tmp_path / "canary"
    yield path
    assert not path.exists(), "something was executed"


def refuse(capsys, command: Callable[[], object], *words: str) -> None:
    """Exit code 3 and one line on stderr that holds the words."""
    assert guard(command) == 3
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert all(word in err for word in words), err
    assert len(err) < 2000


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_malicious_checkpoints_are_refused(tmp_path, capsys, canary, name):
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(CHECKPOINTS[name](canary))
    refuse(capsys, lambda: checkpoints.load(path, STATE, config_hash=HASH), str(path))


def test_files_that_never_end_are_refused(tmp_path, capsys, finished):
    """A pipe, a device and a sparse file of a terabyte, as checkpoint and as records."""
    folder = shutil.copytree(finished, tmp_path / "copy")
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**40)
    for source in (tmp_path / "pipe", Path("/dev/zero"), tmp_path / "sparse"):
        checkpoint = tmp_path / "checkpoint.safetensors"
        checkpoint.symlink_to(source)
        refuse(
            capsys,
            lambda path=checkpoint: checkpoints.load(path, STATE, config_hash=HASH),
            "checkpoint.safetensors is corrupt",
        )
        checkpoint.unlink()
        (folder / "manifest.json").unlink(missing_ok=True)
        (folder / "manifest.json").symlink_to(source)
        refuse(capsys, lambda: read_results(folder), "manifest.json")


def a_run(folder: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    """Changes a file and makes the manifest agree with it, as an attacker would."""
    path = folder / RUN / name
    path.write_bytes(change(path.read_bytes()))
    manifest = read_manifest(folder)
    manifest.files[f"{RUN}/{name}"] = sha256(path.read_bytes())
    write_manifest(folder, manifest)


def a_manifest(folder: Path, **changes: object) -> None:
    """A sealed manifest with these fields, valid or not."""
    write_manifest(folder, read_manifest(folder).model_copy(update=changes))


def first_number(data: bytes, number: bytes) -> bytes:
    before, after = data.split(b'"measured":[', 1)
    return before + b'"measured":[' + number + after[after.index(b",") :]


FOLDERS: dict[str, Callable[[Path, Path], object]] = {
    "a pickle as rows": lambda folder, canary: a_run(
        folder, "epochs.jsonl", lambda _: pickled(canary)
    ),
    "a zip as configuration": lambda folder, canary: a_run(
        folder, "config.json", lambda _: zipped(canary)
    ),
    "a pickle as manifest": lambda folder, canary: (folder / "manifest.json").write_bytes(
        pickled(canary)
    ),
    "JSON nested 100,000 deep": lambda folder, _: a_run(
        folder, "blocks.jsonl", lambda _: b'{"run":' * 100_000
    ),
    "NaN": lambda folder, _: a_run(folder, "blocks.jsonl", lambda data: first_number(data, b"NaN")),
    "Infinity": lambda folder, _: a_run(
        folder, "blocks.jsonl", lambda data: first_number(data, b"Infinity")
    ),
    "1e999": lambda folder, _: a_run(
        folder, "blocks.jsonl", lambda data: first_number(data, b"1e999")
    ),
    "a number of 100,000 digits": lambda folder, _: a_run(
        folder, "blocks.jsonl", lambda data: first_number(data, b"9" * 100_000)
    ),
    "UTF-16": lambda folder, _: (folder / "manifest.json").write_text(
        (folder / "manifest.json").read_text(), encoding="utf-16"
    ),
    "a key twice": lambda folder, _: (folder / "manifest.json").write_bytes(
        (folder / "manifest.json").read_bytes().replace(b'"status"', b'"status":"running","status"')
    ),
    "a file elsewhere": lambda folder, _: a_manifest(folder, files={"../../etc/passwd": HASH}),
    "an absolute file": lambda folder, _: a_manifest(folder, files={"/etc/passwd": HASH}),
    "a run elsewhere": lambda folder, _: a_manifest(folder, runs=("../../elsewhere",)),
    "a run of NUL bytes": lambda folder, _: a_manifest(folder, runs=("a\0b",)),
    "a link to a file elsewhere": lambda folder, canary: link(
        folder / RUN / "epochs.jsonl", canary.with_name("outside")
    ),
    "a link to a run elsewhere": lambda folder, canary: link(
        folder / RUN, canary.with_name("outside")
    ),
    "a link to itself": lambda folder, _: link_to_itself(folder / RUN / "epochs.jsonl"),
    "a folder as file": lambda folder, _: replace_by_folder(folder / RUN / "epochs.jsonl"),
}


def link(path: Path, outside: Path) -> None:
    path.rename(outside)
    path.symlink_to(outside)


def link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("name", FOLDERS)
def test_malicious_results_are_refused_by_readers_and_by_sweeps(
    tmp_path, capsys, canary, finished, name
):
    folder = shutil.copytree(finished, tmp_path / "copy")
    FOLDERS[name](folder, canary)
    refuse(capsys, lambda: read_results(folder), str(folder))
    refuse(capsys, lambda: run(TINY, folder), str(folder))


def test_a_sweep_writes_nothing_through_a_link(tmp_path, capsys, finished):
    """Neither where a whole run leads elsewhere, unlisted, nor where all runs do."""
    outside = tmp_path / "outside"
    outside.mkdir()
    for place in (RUN, "runs"):
        folder = shutil.copytree(finished, tmp_path / place.replace("/", "-"))
        a_manifest(folder, files={}, status="running")
        shutil.rmtree(folder / place)
        (folder / place).symlink_to(outside)
        refuse(capsys, lambda folder=folder: run(TINY, folder), "leads out of the results folder")
        assert not list(outside.iterdir())


@pytest.mark.parametrize("name", ["data_batch_1", "data_batch_1.bin"])
def test_pickled_cifar_batches_are_refused(tmp_path, capsys, canary, name):
    (tmp_path / name).write_bytes(pickled(canary))
    refuse(capsys, lambda: load("cifar10", tmp_path), str(tmp_path))


def test_a_gzip_bomb_is_refused_before_it_fills_the_memory(tmp_path, capsys):
    """A gigabyte of zeros in a megabyte."""
    with gzip.open(tmp_path / "train-images-idx3-ubyte.gz", "wb", compresslevel=1) as file:
        for _ in range(256):
            file.write(bytes(2**20))
    refuse(capsys, lambda: load("fashion-mnist", tmp_path), "more than the 47040016 bytes expected")


@pytest.mark.parametrize(
    "content",
    [
        b"\0\0\x08\x03" + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1),
        b"\0\0\x08\x03" + struct.pack(">3I", 0, 28, 28),
        b"\x1f\x8b" * 9,
    ],
    ids=["sizes that overflow", "no image", "half a gzip header"],
)
def test_malicious_idx_files_are_refused(tmp_path, capsys, content):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    refuse(capsys, lambda: load("fashion-mnist", tmp_path), "train-images")


IMAGES: dict[str, Callable[[Path], bytes]] = {
    "a pickle": pickled,
    "a zip of a pickle": zipped,
    "a pickle behind the mark of a PNG": lambda canary: encoded(pixels(8, 8))[:8] + pickled(canary),
    "a header of 2^62 pixels": lambda _: png(2**31 - 1, 2**31 - 1, 8, 0),
    "a header of a billion pixels": lambda _: png(31_623, 31_623, 8, 2),
    "a header of a hundred million pixels": lambda _: png(10_000, 10_000, 8, 0),
    "a header of four million pixels": lambda _: png(2000, 2000, 8, 0),
    "a truncated PNG": lambda _: encoded(pixels(8, 8))[:-40],
    "a GIF by another name": lambda _: encoded(pixels(8, 8), "GIF"),
    "a PostScript file by another name": lambda canary: (
        f"%!PS-Adobe-3.0 EPSF-3.0\n(%pipe%touch {canary}) (w) file\n".encode()
    ),
}


@pytest.mark.parametrize("name", IMAGES)
def test_malicious_images_are_refused(tmp_path, capsys, canary, name):
    path = image_folder(tmp_path / "images") / "train" / "class0" / "000.png"
    path.write_bytes(IMAGES[name](canary))
    refuse(capsys, lambda: load("image-folder", tmp_path / "images"), str(path))


@pytest.mark.parametrize("place", ["train", "test", "train/class1", "test/class0/002.png"])
def test_links_out_of_an_image_folder_are_refused(tmp_path, capsys, place):
    folder = image_folder(tmp_path / "images")
    link(folder / place, tmp_path / "outside")
    refuse(capsys, lambda: load("image-folder", folder), f"{folder / place} leads out of")


def test_images_that_never_end_are_refused(tmp_path, capsys):
    """A sparse file of a terabyte behind a comment that has no end."""
    path = image_folder(tmp_path / "images") / "train" / "class0" / "999.pgm"
    with path.open("wb") as file:
        file.write(b"P2\n8 8\n255\n#")
        file.truncate(2**40)
    refuse(capsys, lambda: load("image-folder", tmp_path / "images"), str(path), "larger than")


def test_the_count_of_malicious_files():
    """Promised: at least twenty.

    And what is refused is not everything: the unchanged file and folder are read.
    """
    assert len(CHECKPOINTS) + len(FOLDERS) >= 20


def test_harmless_files_are_read(tmp_path, finished):
    checkpoints.save(tmp_path / "checkpoint", STATE, config_hash=HASH, epoch=1, rows=HASH)
    assert checkpoints.load(tmp_path / "checkpoint", STATE, config_hash=HASH).epoch == 1
    folder = shutil.copytree(finished, tmp_path / "copy")
    a_run(folder, "epochs.jsonl", lambda data: data)
    a_manifest(folder)
    assert encode(read_results(folder).manifest) == (finished / "manifest.json").read_bytes()
