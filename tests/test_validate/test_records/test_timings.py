"""Timings: recorded for every epoch, outside of what is sealed, and no error where damaged."""

import shutil

import pytest
from test_validate.tiny import TINY, contents

from validate.records.manifest import read_manifest
from validate.records.read import read_results
from validate.records.timings import TIMINGS_FILE, Timing, read_timings, write_timings
from validate.training.sweep import run

RUN = "runs/dense-d7-w2-s0"


def test_every_epoch_of_a_run_has_one(finished):
    for each in read_results(finished).runs:
        found = read_timings(finished / "runs" / each.config.run)
        assert [timing.epoch for timing in found] == [0, 1, 2]
        assert [timing.images for timing in found] == [0, 1438, 1438]
        assert all(min(timing.train, timing.score, timing.measure) >= 0 for timing in found)
        assert found[1].train > 0
    assert not any(TIMINGS_FILE in name for name in read_manifest(finished).files)


@pytest.mark.parametrize("content", [b"", b"\x80\x04.", b'{"epoch":1}\n', b'{"schema":'])
def test_damaged_timings_are_none_and_stop_nothing(finished, tmp_path, content):
    folder = shutil.copytree(finished, tmp_path / "copy")
    shutil.rmtree(folder / "runs" / "residual-d8-w4-s0")
    (folder / RUN / TIMINGS_FILE).write_bytes(content)
    assert read_timings(folder / RUN) == ()
    run(TINY, folder)
    assert contents(folder) == contents(finished)


def test_those_of_the_resumed_epochs_alone_are_new(tmp_path):
    timing = Timing(run="run", epoch=1, images=3, train=1.0, score=0.5, measure=0.25)
    write_timings(tmp_path, [timing])
    assert read_timings(tmp_path) == (timing,)
    assert read_timings(tmp_path / "nowhere") == ()
