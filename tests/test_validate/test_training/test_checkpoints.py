"""Tests the checkpoints: whatever is not exactly what was saved is refused."""

import json
import math

import pytest
import torch

from derivations.errors import InputError
from validate.training import checkpoints

STATE = {
    "weight": torch.arange(12.0).reshape(3, 4),
    "count": torch.tensor(7),
    "empty": torch.zeros(0),
}
ROWS = "e" * 64
HASH = "c" * 64


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    checkpoints.save(path, STATE, config_hash=HASH, epoch=5, rows=ROWS)
    return path


def test_round_trip(path):
    state, epoch, rows = checkpoints.load(path, STATE, config_hash=HASH)
    assert (epoch, rows) == (5, ROWS)
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[name], STATE[name]) for name in STATE)


def test_equal_states_give_equal_bytes(path, tmp_path):
    again = tmp_path / "again.safetensors"
    checkpoints.save(again, dict(reversed(STATE.items())), config_hash=HASH, epoch=5, rows=ROWS)
    assert again.read_bytes() == path.read_bytes()
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name, again.name}


def test_every_truncation_is_refused(path):
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match="checkpoint"):
            checkpoints.load(path, STATE, config_hash=HASH)


def test_every_flipped_bit_is_refused(path):
    """One bit of every byte, the header's padding included."""
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(
            data[:place] + bytes((data[place] ^ (1 << place % 8),)) + data[place + 1 :]
        )
        with pytest.raises(InputError, match="checkpoint"):
            checkpoints.load(path, STATE, config_hash=HASH)


def test_oversized_headers_are_refused_before_they_are_read(path):
    data = path.read_bytes()
    for length in (2**63, 10**9, len(data) + 1):
        path.write_bytes(length.to_bytes(8, "little") + data[8:])
        with pytest.raises(InputError, match=f"header of {length} bytes"):
            checkpoints.load(path, STATE, config_hash=HASH)


def test_another_configuration_is_refused(path):
    with pytest.raises(InputError, match="another configuration"):
        checkpoints.load(path, STATE, config_hash="d" * 64)


@pytest.mark.parametrize(
    "like",
    [
        {name: STATE[name] for name in ("weight", "count")},
        STATE | {"more": torch.zeros(1)},
        STATE | {"weight": torch.zeros(4, 3)},
        STATE | {"weight": torch.zeros(3, 4, dtype=torch.float64)},
    ],
    ids=["missing key", "new key", "shape", "dtype"],
)
def test_another_network_is_refused(path, like):
    with pytest.raises(InputError, match="another network"):
        checkpoints.load(path, like, config_hash=HASH)


@pytest.mark.parametrize(
    "about",
    [
        None,
        "[]",
        "{}",
        "7",
        "not json",
        json.dumps({"format": "x", "config": HASH, "tensors": "", "epoch": 1}),
    ],
)
def test_foreign_safetensors_files_are_refused(tmp_path, about):
    from safetensors.torch import save_file

    path = tmp_path / "foreign.safetensors"
    save_file(STATE, path, None if about is None else {"gradbound": about})
    with pytest.raises(InputError, match="foreign"):
        checkpoints.load(path, STATE, config_hash=HASH)


def test_missing_and_unwritable_places_are_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        checkpoints.load(tmp_path / "nowhere", STATE, config_hash=HASH)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        checkpoints.save(
            tmp_path / "file" / "checkpoint.safetensors",
            STATE,
            config_hash=HASH,
            epoch=0,
            rows=ROWS,
        )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epoch", 2),
        ("epoch", -1),
        ("epoch", "x"),
        ("epoch", None),
        ("rows", "f" * 64),
        ("extra", 1),
    ],
)
def test_altered_metadata_is_refused(path, key, value):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    about = json.loads(header["__metadata__"]["gradbound"]) | {key: value}
    header["__metadata__"]["gradbound"] = json.dumps(about, sort_keys=True)
    altered = json.dumps(header).encode()
    path.write_bytes(len(altered).to_bytes(8, "little") + altered + data[8 + length :])
    with pytest.raises(InputError, match="corrupt"):
        checkpoints.load(path, STATE, config_hash=HASH)


@pytest.mark.parametrize(
    ("key", "value"),
    [("epoch", value) for value in (-1, "x", "2", None, [1], 1.5, True, math.inf)]
    + [("rows", None), ("rows", [ROWS]), ("config", [HASH]), ("format", None), ("format", {})],
)
def test_metadata_of_another_type_is_refused_though_its_digest_is_right(path, key, value):
    about = {"format": checkpoints.FORMAT, "config": HASH, "epoch": 5, "rows": ROWS} | {key: value}
    about["digest"] = checkpoints._digest(about, STATE)
    path.write_bytes(checkpoints._encode(about, STATE))
    with pytest.raises(InputError, match="corrupt"):
        checkpoints.load(path, STATE, config_hash=HASH)
