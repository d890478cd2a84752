"""Stores the state of a training as safetensors: never a pickle, never half a file.

A checkpoint names the configuration that it belongs to, and a digest of all that it holds; `load`
verifies both, and names and shapes.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load as deserialize
from safetensors.torch import save as serialize
from torch import Tensor

from derivations.errors import InputError
from validate.records.storage import write_atomic

FORMAT = "gradbound.checkpoint/1"
_KEY = "gradbound"  # one metadata key: safetensors writes several in random order
_MAX_HEADER = 10_000_000


class Checkpoint(NamedTuple):
    """The tensors on the CPU, the epoch after which they were stored, and the digest of the rows
    recorded up to it.
    """

    state: dict[str, Tensor]
    epoch: int
    rows: str


def save(
    path: Path, state: Mapping[str, Tensor], *, config_hash: str, epoch: int, rows: str
) -> None:
    """Writes the state after `epoch` epochs.

    The same arguments give the same bytes. Raises InputError if the folder cannot be written.
    """
    tensors = {name: value.detach().to("cpu").contiguous() for name, value in state.items()}
    about: dict[str, str | int] = {
        "format": FORMAT,
        "config": config_hash,
        "epoch": epoch,
        "rows": rows,
    }
    about["digest"] = _digest(about, tensors)
    write_atomic(path, _encode(about, tensors))


def load(path: Path, like: Mapping[str, Tensor], *, config_hash: str) -> Checkpoint:
    """What was stored.

    `like` is a state of the network that they are for: names, shapes and dtypes must agree. Raises
    InputError for a file that is missing, truncated, altered, of another configuration or of
    another network.
    """
    data, about, tensors = _read(
        path, largest=_MAX_HEADER + sum(value.nbytes for value in like.values())
    )
    if about["format"] != FORMAT:
        raise InputError(
            f"{path} is in format {about['format']!r}, not {FORMAT!r}: delete it to train again"
        )
    if about["config"] != config_hash:
        raise InputError(
            f"{path} belongs to another configuration: choose another --out or delete it to "
            "train again"
        )
    # Encoded again too: a header can be padded at will, which no digest of the content sees.
    if about["digest"] != _digest(about, tensors) or _encode(about, tensors) != data:
        raise InputError(
            f"{path} is corrupt (its content does not match its digest): delete it to train again"
        )
    if _signature(tensors) != _signature(like):
        raise InputError(
            f"{path} belongs to another network (names or shapes differ): delete it to train again"
        )
    return Checkpoint(tensors, int(about["epoch"]), str(about["rows"]))


def _encode(about: Mapping[str, str | int], tensors: dict[str, Tensor]) -> bytes:
    return serialize(tensors, {_KEY: json.dumps(about, sort_keys=True)})


def _read(path: Path, largest: int) -> tuple[bytes, dict[str, str | int], dict[str, Tensor]]:
    """The file, and the metadata and tensors in it.

    One larger than any of ours is refused unread, such a header unparsed.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError("no regular file")  # a pipe would never end
        if path.stat().st_size > largest:
            raise ValueError(f"{path.stat().st_size} bytes, more than its network needs")
        data = path.read_bytes()
        length = int.from_bytes(data[:8], "little")
        if length > min(_MAX_HEADER, len(data)):
            raise ValueError(f"header of {length} bytes")
        tensors = deserialize(data)
        about = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_KEY])
        if not isinstance(about, dict) or about.keys() != {
            "format",
            "config",
            "epoch",
            "rows",
            "digest",
        }:
            raise ValueError("incomplete metadata")
        if (
            # isinstance would let True pass, which JSON can say and int() takes for 1.
            type(about["epoch"]) is not int
            or about["epoch"] < 0
            or not all(isinstance(about[key], str) for key in about.keys() - {"epoch"})
        ):
            raise ValueError("metadata of other types")
        return data, about, tensors
    except OSError as error:
        raise InputError(
            f"cannot read {path} ({error.strerror or error}): delete it to train again"
        ) from error
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        reason = next(iter(str(error).splitlines()), "")  # torch may append a trace of its own
        raise InputError(f"{path} is corrupt ({reason}): delete it to train again") from error


def _signature(tensors: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (value.shape, value.dtype) for name, value in tensors.items()}


def _digest(about: Mapping[str, str | int], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the metadata and over names, dtypes, shapes and bytes, in the order of the
    names.
    """
    digest = hashlib.sha256(
        json.dumps(
            {key: value for key, value in about.items() if key != "digest"}, sort_keys=True
        ).encode()
    )
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name}|{value.dtype}|{tuple(value.shape)}|".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
