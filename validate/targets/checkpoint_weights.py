"""Loads weights from a safetensors file into a model, all of them or none: never a pickle.

Every name and shape must agree; what does not is counted and named in one line.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from derivations.errors import InputError

PICKLES = (".pt", ".pth", ".pt2", ".pkl", ".pickle", ".bin", ".ckpt")
"""Endings of files that run code when they are read: refused unopened."""

_NAMED = 3
_WRAPPERS = ("module.", "_orig_mod.")
"""What DistributedDataParallel and torch.compile put before names."""


def load_weights(model: nn.Module, path: Path) -> None:
    """Replaces the parameters and persistent buffers of `model` by those in the file.

    A name that is missing is no fault where the model stores the same tensor under another name.
    Raises InputError for a file that cannot be read or is no safetensors file, and for names,
    shapes or kinds of numbers that are not those of the model.
    """
    weights = _read(path)
    own = _tensors(model)
    _refuse_prefix(path, weights, own)
    for name in own.keys() - weights.keys():
        twins = [twin for twin in weights if own.get(twin) is own[name]]
        if twins:
            weights[name] = weights[twins[0]]
    _refuse(path, "other shapes or kinds of numbers than the model", _misfits(weights, own))
    try:
        # Not by strict=True, whose message has a line per name. It takes the same.
        outcome = model.load_state_dict(weights, strict=False)
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} does not fit the model ({_line(error)}): choose the checkpoint of this one"
        ) from error
    _refuse(path, "names missing that the model has", outcome.missing_keys)
    _refuse(path, "names that the model has not", outcome.unexpected_keys)


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix.lower() in PICKLES:
        raise InputError(f"{path} is a pickle, which runs code when it is read: {_way_out(path)}")
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no regular file: --checkpoint takes a safetensors file")
        weights: dict[str, Tensor] = load_file(path, device="cpu")
    except OSError as error:
        raise InputError(
            f"cannot read {path} ({error.strerror or _line(error)}): name a safetensors file"
        ) from error
    except (SafetensorError, ValueError, KeyError, RecursionError) as error:
        raise InputError(
            f"{path} is no safetensors file ({_line(error)}): {_way_out(path)}"
        ) from error
    return weights


def _way_out(path: Path) -> str:
    """One line of Python. It clones, since safetensors refuses tensors that share memory."""
    new = path.with_suffix(".safetensors")
    if new == path:
        new = path.with_suffix(".new.safetensors")
    return (
        "convert a state dict with `safetensors.torch.save_file({k: v.contiguous().clone() for "
        f"k, v in torch.load({str(path)!r}, weights_only=True).items()}}, {str(new)!r})`"
    )


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """By name, a tensor with two names being one object; without extra state."""
    state: Mapping[str, Any] = model.state_dict(keep_vars=True)
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def _misfits(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Also integers where the model has floats: what they are scaled by, a copy does not see."""
    found = []
    for name in sorted(weights.keys() & own.keys()):
        new, old = weights[name], own[name]
        if torch.nn.parameter.is_lazy(old):
            continue
        if new.shape != old.shape:
            found.append(f"{name} {tuple(new.shape)} for {tuple(old.shape)}")
        elif _kind(new) != _kind(old):
            found.append(f"{name} {new.dtype} for {old.dtype}")
    return found


def _kind(tensor: Tensor) -> tuple[bool, bool]:
    return tensor.is_floating_point(), tensor.is_complex()


def _refuse_prefix(path: Path, weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    """Names as a wrapper of the model has them, which the model itself has not."""
    bare, prefix = list(weights), ""
    while begins := next((p for p in _WRAPPERS if bare and all(b.startswith(p) for b in bare)), ""):
        bare, prefix = [each.removeprefix(begins) for each in bare], prefix + begins
    if prefix and not own.keys() & weights.keys() and own.keys() & set(bare):
        new = str(path.with_suffix(".new.safetensors"))
        raise InputError(
            f"every name in {path} begins with {prefix!r}, as a wrapper of the model has them: "
            f"strip it with `save_file({{k.removeprefix({prefix!r}): v for k, v in "
            f"load_file({str(path)!r}).items()}}, {new!r})` of safetensors.torch"
        )


def _refuse(path: Path, fault: str, names: Iterable[str]) -> None:
    found = sorted(names)
    if found:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise InputError(
            f"{path} has {len(found)} {fault} ({', '.join(found[:_NAMED])}{more}): choose the "
            "checkpoint of this model"
        )


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
