"""Tests the sweep: killed at any moment it resumes to the same bytes, and mixes nothing in."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch
from root import ROOT
from safetensors.torch import load as deserialize
from test_validate.tiny import TINY, contents

import validate.records.storage
import validate.training.sweep
from derivations.errors import InputError
from validate.progress import lines
from validate.records.codec import read_json
from validate.records.folder import held
from validate.records.manifest import read_manifest, write_manifest
from validate.records.read import read_results
from validate.records.schema import RunConfig, VanishingRow
from validate.statistics.summary import summarize
from validate.training import checkpoints
from validate.training.presets import Sweep
from validate.training.sweep import run
from validate.training.train import Schedule

FIRST, SECOND = "runs/residual-d8-w4-s0", "runs/dense-d7-w2-s0"
"""The runs of TINY, in the order in which they are performed."""


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


def start(out: Path, processes: int) -> subprocess.Popen[bytes]:
    """The same sweep in a process of its own, which waits for ever once a run is finished: it must
    be killed, however fast it is.
    """
    code = (
        "import sys, signal; from pathlib import Path; from test_validate.tiny import TINY; "
        "from validate.training import sweep\n"
        "sweep.register = lambda *_: signal.pause()\n"
        "if __name__ == '__main__': sweep.run(TINY, Path(sys.argv[1]), processes=int(sys.argv[2]))"
    )
    places = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    return subprocess.Popen(
        [sys.executable, "-c", code, str(out), str(processes)],
        env=os.environ | {"PYTHONPATH": places},
    )


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, f"it ended before {path} was there"
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.002)


def children(process: subprocess.Popen[bytes]) -> list[int]:
    return [
        int(child)
        for each in Path(f"/proc/{process.pid}/task").glob("*/children")
        for child in each.read_text().split()
    ]


def wait_for_end(process: int) -> None:
    """Of one that nobody collects: then its command line is empty or gone."""
    deadline = time.monotonic() + 10
    with suppress(FileNotFoundError, ProcessLookupError):
        while Path(f"/proc/{process}/cmdline").read_bytes():
            assert time.monotonic() < deadline, "a worker outlived the killed process"
            time.sleep(0.01)


def test_killed_processes_leave_folders_that_resume_to_the_same_bytes(finished, tmp_path):
    """SIGKILL as soon as a file appears, first with one process, then with two.

    Compared with an unbroken run in this process.
    """
    out = tmp_path / "results"
    for moment, processes in ((f"{FIRST}/epochs.jsonl", 1), (f"{SECOND}/epochs.jsonl", 2)):
        process = start(out, processes)
        wait_for(out / moment, process)
        workers = children(process)
        assert len(workers) >= processes - 1
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        with pytest.raises(InputError, match="unfinished"):
            read_results(out)
        for worker in workers:
            wait_for_end(worker)
    run(TINY, out, processes=2)
    assert contents(out) == contents(finished)


class Killed(BaseException):
    """Stands for a kill: nothing in the code under test catches it."""


@pytest.fixture
def miniature(monkeypatch):
    """One run of one epoch, and a vanishing-branch experiment of one row: thirteen writes."""
    row = VanishingRow(family="plain", inputs=1, epsilon=0.0, seed=0, predicted=0.0, measured=0.0)
    monkeypatch.setattr(validate.training.sweep, "experiment", lambda: iter([row]))
    return replace(
        TINY,
        sweeps=(Sweep("plain", (8,), 2),),
        schedule=Schedule(epochs=1, batch_size=512),
        probe_size=1,
        spectra_steps=2,
    )


def test_a_kill_at_every_sync_resumes_to_the_same_bytes(tmp_path, monkeypatch, miniature):
    """Each write syncs twice: before it renames its temporary file and after. Dies at the first
    sync, the second, …
    """
    unbroken = tmp_path / "unbroken"
    run(miniature, unbroken)
    survived = False
    for moment in count():
        out = tmp_path / str(moment)
        with monkeypatch.context() as patch:
            syncs = count()
            patch.setattr(
                validate.records.storage.os,
                "fsync",
                lambda _, syncs=syncs, moment=moment: die_at(moment, syncs),
            )
            try:
                run(miniature, out)
                survived = True
            except Killed:
                pass
        if survived:
            break
        run(miniature, out)
        assert contents(out) == contents(unbroken), f"killed at sync {moment}"
    assert moment == 2 * 13


def die_at(moment: int, syncs: Iterator[int]) -> None:
    if next(syncs) == moment:
        raise Killed


def test_records_agree_with_each_other_and_hold_no_violation(finished):
    results = read_results(finished)
    summary = summarize(row for run in results.runs for row in run.blocks)
    assert summary.bound_checks > 200
    assert (summary.violations, summary.identity_failures) == (0, 0)
    for run_ in results.runs:
        assert run_.config.spectra_epochs == (0, 2)
        for epoch in run_.epochs:
            rows = [row for row in run_.blocks if row.epoch == epoch.epoch]
            assert [row.index for row in rows] == list(range(len(rows)))
            product = torch.tensor([row.predicted for row in rows], dtype=torch.float64).prod(0)
            assert epoch.total.telescoped == pytest.approx(product.tolist(), rel=1e-12)
            assert epoch.total.relative_error < 1e-12
            assert 0 <= epoch.test_error <= 1


def test_finished_runs_are_neither_repeated_nor_touched(folder, monkeypatch):
    before = contents(folder)
    monkeypatch.setattr(
        validate.training.sweep, "perform", lambda *_: pytest.fail("a finished run was repeated")
    )
    run(TINY, folder)
    assert contents(folder) == before


def test_a_deleted_run_is_made_again(folder, finished):
    shutil.rmtree(folder / SECOND)
    run(TINY, folder)
    assert contents(folder) == contents(finished)


def test_an_altered_run_is_refused_not_repeated(folder):
    path = folder / SECOND / "epochs.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"epoch":1', b'"epoch":7'))
    with pytest.raises(
        InputError, match=r"epochs.jsonl does not match its digest.*delete .*dense-d7-w2-s0 and run"
    ):
        run(TINY, folder)


def test_a_broken_checkpoint_of_an_unfinished_run_is_refused(folder):
    write_manifest(folder, read_manifest(folder).model_copy(update={"files": {}}))
    path = folder / FIRST / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(InputError, match=r"checkpoint\.safetensors is corrupt"):
        run(TINY, folder)


def test_rows_behind_their_checkpoint_are_refused(folder):
    write_manifest(folder, read_manifest(folder).model_copy(update={"files": {}}))
    path = folder / FIRST / "epochs.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(InputError, match="other rows than its checkpoint covers"):
        run(TINY, folder)


def test_rows_altered_before_a_resumption_are_refused(folder):
    write_manifest(folder, read_manifest(folder).model_copy(update={"files": {}}))
    path = folder / FIRST / "epochs.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["test_error"] = 0.125
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match="other rows than its checkpoint covers"):
        run(TINY, folder)


def test_an_epoch_beyond_all_rows_is_refused_and_not_counted_to(folder):
    write_manifest(folder, read_manifest(folder).model_copy(update={"files": {}}))
    path = folder / FIRST / "checkpoint.safetensors"
    hash_of = read_json(path.parent / "config.json", RunConfig).hash
    checkpoints.save(
        path, deserialize(path.read_bytes()), config_hash=hash_of, epoch=10**15, rows="0" * 64
    )
    with pytest.raises(InputError, match="other rows than its checkpoint covers"):
        run(TINY, folder)


def test_a_folder_has_one_writer(folder):
    with held(folder, shared=False), pytest.raises(InputError, match="another process is writing"):
        run(TINY, folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schedule": Schedule(epochs=3, batch_size=256)}, "other settings or other images"),
        ({"probe_size": 2}, "other settings or other images"),
        ({"train_samples": 1000}, "other settings or other images"),
        ({"seeds": (1,)}, "other settings or other images"),
        ({"name": "other"}, "command .*, not .*"),
    ],
)
def test_a_folder_of_another_configuration_is_refused(folder, change, words):
    before = contents(folder)
    with pytest.raises(InputError, match=f"made with {words}: choose another --out"):
        run(replace(TINY, **change), folder)
    assert contents(folder) == before


def test_seeds_are_added_to_a_folder_and_none_is_trained_again(tmp_path, miniature, monkeypatch):
    """In the end the bytes are those of a folder made with all seeds at once."""
    more = replace(miniature, seeds=(0, 1))
    run(more, tmp_path / "at once")
    out = tmp_path / "one by one"
    run(miniature, out)
    performed = []
    perform = validate.training.sweep.perform
    monkeypatch.setattr(
        validate.training.sweep,
        "perform",
        lambda config, *rest: (performed.append(config.run), perform(config, *rest)),
    )
    results = run(more, out)
    assert performed == ["plain-d8-w2-s1"]
    assert len(results.runs) == 2
    assert contents(out) == contents(tmp_path / "at once")
    with pytest.raises(InputError, match="holds 2 seeds already, not 1: ask for --seeds 2 or more"):
        run(miniature, out)


def test_seeds_are_added_to_no_folder_of_other_settings_and_to_none_in_use(folder):
    before = contents(folder)
    for change in ({"probe_size": 2}, {"train_samples": 1000}):
        with pytest.raises(InputError, match="made with"):
            run(replace(TINY, seeds=(0, 1), **change), folder)
    with held(folder, shared=False), pytest.raises(InputError, match="another process is writing"):
        run(replace(TINY, seeds=(0, 1)), folder)
    assert contents(folder) == before


def test_a_foreign_folder_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="not empty and holds no manifest"):
        run(TINY, tmp_path)
    assert contents(tmp_path) == {"thesis.tex": b"precious"}


def test_places_that_cannot_be_written_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="cannot make the folder"):
            run(TINY, out)


def test_a_missing_data_set_leaves_nothing_behind(tmp_path):
    with pytest.raises(InputError, match="Fashion-MNIST not found"):
        run(replace(TINY, dataset="fashion-mnist"), tmp_path / "results", data_folder=tmp_path)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("tpu", "choose cpu, cuda or cuda:N"),
        ("cuda", "no CUDA device is available: choose --device cpu"),
    ],
)
def test_missing_devices_are_refused(tmp_path, monkeypatch, device, words):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=words):
        run(replace(TINY, device=device), tmp_path / "results")


@pytest.mark.parametrize("rate", [1e30, 1e4])
def test_a_diverging_run_is_recorded_and_ends_cleanly(tmp_path, miniature, rate, capsys):
    schedule = Schedule(epochs=3, batch_size=512, learning_rate=rate)
    results = run(replace(miniature, schedule=schedule), tmp_path / "results", progress=lines)
    (only,) = results.runs
    assert "1 of 1 done" in capsys.readouterr().err
    *_, last = only.epochs
    assert last.status == "diverged"
    assert 1 <= last.epoch <= 3
    assert (last.train_loss, last.train_error, last.test_error, last.total) == (
        None,
        None,
        None,
        None,
    )
    assert {row.epoch for row in only.blocks} == set(range(last.epoch))


def test_progress_hears_of_every_epoch(tmp_path, miniature):
    from contextlib import contextmanager

    heard = []

    @contextmanager
    def listen(tasks, unit):
        heard.append((tasks, unit))
        yield heard.append

    run(miniature, tmp_path / "results", progress=listen)
    assert heard == [({"plain-d8-w2-s0": 2}, "epochs"), "plain-d8-w2-s0", "plain-d8-w2-s0"]


def test_global_settings_and_random_state_are_left_as_found(tmp_path, miniature):
    torch.set_num_threads(2)
    state = torch.random.get_rng_state()
    run(miniature, tmp_path / "results")
    assert torch.get_num_threads() == 2
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_chosen_epochs_and_samples_alone_are_recorded(tmp_path):
    sweeps = (Sweep("residual", (8,), 2),)
    small = replace(
        TINY, sweeps=sweeps, train_samples=40, test_samples=20, measure_epochs=(0, 2), probe_size=2
    )
    (found,) = run(small, tmp_path / "out").runs
    assert (found.config.train_samples, found.config.test_samples) == (40, 20)
    assert {row.epoch for row in found.blocks} == {0, 2}
    assert all(row.total is not None and row.total.relative_error < 1e-12 for row in found.epochs)
    assert all(
        round(20 * row.test_error) == pytest.approx(20 * row.test_error) for row in found.epochs
    )
