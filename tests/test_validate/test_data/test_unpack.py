"""Files of data sets: the first that is there is read, unpacked, and never beyond its limit."""

import gzip

import pytest

from derivations.errors import InputError
from validate.data.unpack import existing, unpacked


def test_the_first_that_is_there_is_taken(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    with pytest.raises(InputError, match="get both"):
        existing((first, second), "get both")
    second.write_bytes(b"2")
    assert existing((first, second), "get both") == second
    first.mkdir()  # a folder is no file
    assert existing((first, second), "get both") == second


@pytest.mark.parametrize("name", ["plain", "packed.gz"])
def test_the_content_is_that_which_was_stored_up_to_the_limit(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(bytes(1000)) if name.endswith("gz") else bytes(1000))
    assert unpacked(path, 1000) == bytes(1000)
    with pytest.raises(InputError, match="holds more than the 999 bytes expected: get it again"):
        unpacked(path, 999)


@pytest.mark.parametrize("name", ["no gzip at all", "an end that is missing"])
def test_what_is_no_whole_gzip_file_is_refused(tmp_path, name):
    path = tmp_path / "broken.gz"
    path.write_bytes(name.encode() if name.startswith("no") else gzip.compress(bytes(1000))[:-5])
    with pytest.raises(InputError, match=r"cannot read .*broken\.gz"):
        unpacked(path, 1000)
