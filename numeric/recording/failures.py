"""Says of a model that fails at its input where it does, and what may be given instead."""

import sysconfig
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import nn

from derivations.errors import GradboundError, InputError

_ROOT = Path(__file__).parents[2]
_OURS = ("derivations", "numeric", "validate", "paper_figures", "gradbound")
_OTHERS = (
    *(str(_ROOT / each) for each in _OURS), str(Path(torch.__file__).parent),
    sysconfig.get_path("stdlib"), "<",
)  # fmt: skip
_AXES = {"Conv1d": "L", "Conv2d": "H,W", "Conv3d": "D,H,W"}
_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.RNNBase)
_SIZES = ("size", "shape", "channel", "dimension", "unpack", "Dimension")
_BY_ITSELF = "run model(*inputs) by itself to see all of it"


@contextmanager
def named_failures(model: Callable[..., Any]) -> Iterator[None]:
    """What the model raises inside becomes an InputError that says where."""
    try:
        yield
    except GradboundError:
        raise
    except Exception as error:  # whatever a model may raise
        raise InputError(_failure(model, error)) from error


def refuse_model(model: Callable[..., Any], result: object) -> None:
    """Raises InputError for a function that returns a model where it was taken for one."""
    if isinstance(result, nn.Module):
        name = _name(model)
        raise InputError(
            f"{name} returns a {type(result).__name__}, a model: call it, and pass what it returns "
            f"instead of {name}"
        )


def _failure(model: Callable[..., Any], error: Exception) -> str:
    ran = list(traceback.walk_tb(error.__traceback__))
    inside = [each for frame, _ in ran if isinstance(each := frame.f_locals.get("self"), nn.Module)]
    module = inside[-1] if inside else None
    why = next(iter(str(error).splitlines()), "")
    where = ", ".join(filter(None, (_path(model, module), _line_of(ran))))
    said = f"the model fails at this input: {type(error).__name__}, {why}"
    way_out = _way_out(model, module, error)
    if isinstance(module, nn.Linear) and _taken(ran, module) == 1:
        way_out = "the batch is flattened away: keep its axis, as x.flatten(1) does"
    return f"{said}{f' (in {where})' if where else ''}: {way_out}"


def _taken(ran: Sequence[tuple[FrameType, int]], layer: nn.Module) -> int:
    """How many axes the tensor has that a layer takes; 0 where there is none."""
    given = [f.f_locals.get("input") for f, _ in ran if f.f_locals.get("self") is layer]
    return next((each.dim() for each in given if isinstance(each, torch.Tensor)), 0)


def _path(model: object, module: nn.Module | None) -> str:
    """The module's path, its class where the model does not hold it, "" for the model itself."""
    if module is None or module is model:
        return ""
    held = model.named_modules() if isinstance(model, nn.Module) else ()
    return {id(each): path for path, each in held}.get(id(module), type(module).__name__)


def _line_of(ran: Sequence[tuple[FrameType, int]]) -> str:
    """FILE:LINE of the innermost code that is of no library, "" where there is none."""
    for frame, line in reversed(ran):
        file = frame.f_code.co_filename
        if not file.startswith(_OTHERS) and not {"site-packages", "dist-packages"} & {
            *Path(file).parts
        }:
            return f"{Path(file).name}:{line}"
    return ""


def _way_out(model: Callable[..., Any], module: nn.Module | None, error: Exception) -> str:
    said = str(error)
    if isinstance(module, nn.Embedding) and isinstance(error, IndexError):
        rows = module.num_embeddings
        return f"it has {rows} rows: give tokens below {rows} (--vocab {rows})"
    if "indices" in said and "Long" in said:
        count = str(module.num_embeddings) if isinstance(module, nn.Embedding) else "V"
        return f"it takes whole numbers: give tokens (--tokens N --vocab {count})"
    if isinstance(error, IndexError) and "out of range in self" in said:
        return "give tokens below the number of its rows (--vocab V)"
    if "more than 1 value per channel" in said:
        return "give a larger batch (--batch N), or call model.eval()"
    if not isinstance(model, nn.Module) and isinstance(error, TypeError) and "argument" in said:
        return f"if {_name(model)} makes the model, call it: pass {_name(model)}()"
    if isinstance(error, TypeError) and "argument" in said:
        return "pass all that forward takes, or one dict of keyword arguments"
    if any(each in said for each in _SIZES):
        return f"give inputs of the size that it takes ({_size(model, module)})"
    return _BY_ITSELF


def _size(model: Callable[..., Any], module: nn.Module | None) -> str:
    """The option, with the numbers that the first layer of the model tells."""
    held = model.modules() if isinstance(model, nn.Module) else ()
    first = next((each for each in held if isinstance(each, _LAYERS)), None)
    if first is not module or first is None:
        return "--input-size C,H,W"
    if isinstance(first, nn.Linear):
        return f"--input-size {first.in_features}"
    if isinstance(first, nn.RNNBase):
        return f"--input-size N,{first.input_size}"
    axes = _AXES.get(type(first).__name__, "H,W")
    return f"--input-size {first.in_channels},{axes}"


def _name(model: object) -> str:
    return getattr(model, "__name__", type(model).__name__)
