"""Tests kills, full disks, damaged files and many writers: what was stored survives.

The full counts are slow; a few of each run every time.
"""

import random
import resource
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_validate.crashes import (
    CONFIG_HASH,
    PART,
    died,
    event,
    fill,
    kill_after,
    save,
    save_and_die,
    save_for_ever,
    start,
    state,
    timed,
)
from test_validate.tiny import MINIATURE, TINY, contents

from derivations.errors import InputError
from gradbound.exits import guard
from validate.data.datasets import load
from validate.records.codec import read_jsonl
from validate.records.folder import is_finished, open_folder
from validate.records.manifest import read_manifest
from validate.records.read import read_results
from validate.records.schema import EpochRow, Manifest
from validate.records.storage import is_temporary, remove_temporaries
from validate.training import checkpoints
from validate.training.sweep import run


def few_or(few: int, full: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("count", [few, pytest.param(full, marks=pytest.mark.slow)])


@few_or(3, 50)
def test_sweeps_killed_at_random_moments_end_in_the_same_bytes(tmp_path, count):
    """SIGKILL, resume, SIGKILL, … until the folder is complete, then a new folder.

    Records and weights against an unbroken sweep.
    """
    preset = TINY if count == 50 else MINIATURE
    draw = random.Random(count)
    duration = timed(run, preset, tmp_path / "unbroken")
    unbroken, killed, folders = contents(tmp_path / "unbroken"), 0, 0
    while killed < count:
        out = tmp_path / str(folders)
        while killed < count and kill_after(start(run, preset, out), draw.uniform(0, duration / 2)):
            killed += 1
        run(preset, out)
        assert contents(out) == unbroken, f"after {killed} kills"
        folders += 1
    assert killed == count


def stored_epoch(path: Path) -> int:
    """The number of the state that is stored, which must be whole."""
    stored, epoch, _ = checkpoints.load(path, state(0), config_hash=CONFIG_HASH)
    assert all(torch.equal(stored[name], value) for name, value in state(epoch).items())
    return epoch


def test_a_kill_before_each_call_of_a_save_leaves_the_old_or_the_new_checkpoint(tmp_path):
    """What is left, call by call: the stored epoch, and the sizes of what is temporary."""
    path = tmp_path / "checkpoint.safetensors"
    save(path, 2)
    size = path.stat().st_size
    written = range(0, size, PART)
    # Killed before it opens, writes, syncs, replaces.
    before_the_replacement = [[], *([part] for part in written), [size], [size]]
    after_it = [[], [], []]  # before it opens, syncs, closes the folder
    assert len(written) == 4
    for moment, left in enumerate(before_the_replacement + after_it):
        save(path, 1)
        assert died(start(save_and_die, path, 2, moment)), f"the save has no call {moment}"
        temporaries = [entry for entry in tmp_path.iterdir() if entry != path]
        assert all(map(is_temporary, temporaries))
        found = (stored_epoch(path), [entry.stat().st_size for entry in temporaries])
        assert found == (1 if moment < len(before_the_replacement) else 2, left), (
            f"killed before call {moment}"
        )
        remove_temporaries(tmp_path)
    assert not died(start(save_and_die, path, 3, moment + 1)), (
        "the save has calls at which it was not killed"
    )
    assert stored_epoch(path) == 3


@few_or(10, 200)
def test_a_kill_at_a_random_moment_leaves_a_whole_checkpoint(tmp_path, count):
    """Whether it falls into a save depends on the machine.

    After it, one of those saved since the process started is there.
    """
    path = tmp_path / "checkpoint.safetensors"
    draw = random.Random(count)
    for _ in range(count):
        save(path, 0)
        saved = event()
        process = start(save_for_ever, path, saved)
        assert saved.wait(60)
        assert kill_after(process, draw.uniform(0, 0.06))
        assert stored_epoch(path) > 0
        remove_temporaries(tmp_path)
        assert list(tmp_path.iterdir()) == [path]


@contextmanager
def room_for(size: int):
    """No file can grow beyond so many bytes: writing more fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_full_at_20_offsets_leaves_the_old_checkpoint(tmp_path, capsys):
    path = tmp_path / "checkpoint.safetensors"
    save(path, 1)
    before = contents(tmp_path)
    size = path.stat().st_size
    for offset in [0, size - 1, *random.Random(0).sample(range(size), 18)]:
        with room_for(offset):
            code = guard(lambda: save(path, 2))
        assert code == 3
        err = capsys.readouterr().err
        assert err.startswith(f"gradbound: cannot write {path}")
        assert err.count("\n") == 1
        assert contents(tmp_path) == before


@few_or(3, 20)
def test_a_sweep_on_a_full_disk_stops_and_resumes(tmp_path, capsys, count):
    run(MINIATURE, tmp_path / "unbroken")
    unbroken = contents(tmp_path / "unbroken")
    largest = max(map(len, unbroken.values()))
    for number in range(count):
        out = tmp_path / str(number)
        with room_for(number * largest // count):
            assert guard(lambda out=out: run(MINIATURE, out)) == 3
        assert capsys.readouterr().err.count("\n") == 1
        run(MINIATURE, out)
        assert contents(out) == unbroken


@pytest.mark.parametrize("damage", ["truncation", "flip"])
def test_300_damaged_files_are_refused(tmp_path, finished, damage):
    """Checkpoints, records and manifest alike: the file is drawn first, then the place in it."""
    folder = shutil.copytree(finished, tmp_path / "copy")
    names, draw = sorted(contents(folder)), random.Random(damage)
    for name in (draw.choice(names) for _ in range(300)):
        path = folder / name
        data = path.read_bytes()
        place = draw.randrange(len(data))
        bit = 1 << draw.randrange(8)
        path.write_bytes(
            data[:place]
            if damage == "truncation"
            else data[:place] + bytes((data[place] ^ bit,)) + data[place + 1 :]
        )
        with pytest.raises(InputError):
            read_results(folder)
        path.write_bytes(data)
    assert read_results(folder) is not None


@few_or(5, 50)
def test_eight_processes_fill_one_folder(tmp_path, count):
    """`count` runs each, one record per run: all are listed, verified and valid, and nothing else
    is there.
    """
    (config,) = replace(MINIATURE, sweeps=MINIATURE.sweeps[:1]).configs(load("digits"))
    configs = [
        config.model_copy(update={"run": f"plain-d8-w2-s{seed}", "seed": seed})
        for seed in range(8 * count)
    ]
    header = Manifest(
        status="running",
        versions={},
        device="cpu",
        threads=1,
        preset="miniature",
        dataset="digits",
        seeds=tuple(range(8 * count)),
        command="gradbound validate",
        config="0" * 64,
        runs=tuple(config.run for config in configs),
        files={},
    )
    out = tmp_path / "results"
    open_folder(out, header)
    writers = [start(fill, out, configs[number::8]) for number in range(8)]
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    manifest = read_manifest(out)
    assert all(is_finished(out, manifest, config.run) for config in configs)
    rows = [
        row
        for config in configs
        for row in read_jsonl(out / "runs" / config.run / "epochs.jsonl", EpochRow)
    ]
    assert [row.run for row in rows] == [config.run for config in configs]
    assert len(rows) == 8 * count
    assert contents(out).keys() == {"manifest.json", *manifest.files}
