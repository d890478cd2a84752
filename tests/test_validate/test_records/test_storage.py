"""Files: written whole or not at all, read within bounds, and held by one process at a time."""

import os
import time

import pytest

from derivations.errors import InputError
from validate.records.storage import (
    WaysOut,
    is_inside,
    is_temporary,
    locked,
    make_folder,
    read_bytes,
    remove_temporaries,
    sha256,
    write_atomic,
)


def test_nothing_is_written_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make the folder"):
        make_folder(tmp_path / "file" / "below")
    with pytest.raises(InputError, match="cannot write"):
        write_atomic(tmp_path / "file" / "below", b"data")


def test_a_write_replaces_the_whole_file_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "record"
    for data in (b"a longer first content", b"short"):
        write_atomic(path, data)
        assert read_bytes(path) == data
        assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_no_temporary(tmp_path, monkeypatch):
    path = tmp_path / "record"
    write_atomic(path, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


WAYS = WaysOut("find it", "replace it", "shorten it")


def test_what_is_read_is_a_regular_file_of_at_most_the_limit(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(InputError, match=r"cannot read .*file \(No such file.*: find it"):
        read_bytes(path, 3, WAYS)
    path.write_bytes(b"abc")
    assert read_bytes(path, 3, WAYS) == b"abc"
    with pytest.raises(InputError, match="larger than 2 bytes: shorten it"):
        read_bytes(path, 2, WAYS)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe is no regular file: replace it"):
        read_bytes(tmp_path / "pipe", 3, WAYS)


@pytest.mark.parametrize("shared", [True, False])
def test_a_lock_excludes_unless_both_share_it(tmp_path, shared):
    with locked(tmp_path, shared=shared):
        if shared:
            with locked(tmp_path, shared=True):
                pass
        with pytest.raises(InputError, match="another process is writing"), locked(tmp_path):
            pytest.fail("it was held twice")
    with locked(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_a_lock_is_waited_for_as_long_as_patience_lasts(tmp_path):
    with locked(tmp_path):
        start = time.monotonic()
        with pytest.raises(InputError), locked(tmp_path, patience=0.2):
            pytest.fail("it was held twice")
        assert time.monotonic() - start >= 0.2


def test_a_lock_needs_a_folder(tmp_path):
    with pytest.raises(InputError, match="cannot open the folder"), locked(tmp_path / "nowhere"):
        pytest.fail("nothing was held")


def test_inside_is_where_links_lead(tmp_path):
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "out").symlink_to(outside)
    (folder / "in").symlink_to(folder / "file")
    (folder / "loop").symlink_to(folder / "loop")
    names = ("file", "in", "out", "out/file", "loop", "../outside", "../folder/file")
    assert {name: is_inside(folder / name, folder) for name in names} == {
        "file": True, "in": True, "out": False, "out/file": False, "loop": False,
        "../outside": False, "../folder/file": True,
    }  # fmt: skip


def test_temporaries_are_what_is_removed(tmp_path):
    for name in ("record", "record.12.gradbound-tmp", "inner"):
        (tmp_path / name).write_text("")
    assert [path.name for path in tmp_path.iterdir() if is_temporary(path)] == [
        "record.12.gradbound-tmp"
    ]
    remove_temporaries(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"record", "inner"}


def test_the_digest_is_that_of_the_standard():
    """FIPS 180-2, appendix B.1."""
    assert sha256(b"abc").startswith("ba7816bf8f01cfea414140de5dae2223")
