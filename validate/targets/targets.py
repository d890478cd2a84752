"""Turns the text that names a model into the model and its example inputs.

A target is a built-in name (`resnet50`), `torchvision:NAME`, `timm:NAME`, `package.module:callable`
or `file.py:callable`. Nothing is downloaded, and no pickle is read.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from derivations.errors import InputError, nearest
from validate.networks.build import FAMILIES, NETWORKS, Config, build, parse
from validate.targets.checkpoint_weights import load_weights
from validate.targets.example_inputs import (
    InputRequest,
    as_arguments,
    cast,
    check_whole,
    own_input_size,
    placed,
)
from validate.targets.target_code import from_file, from_package
from validate.targets.zoo_models import has_torchvision, timm_model, torchvision_model

DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_COARSE = ("bfloat16", "float16")


@dataclass(frozen=True)
class Target:
    """A model in the mode in which it was made, and the arguments `model(*args, **kwargs)`.

    Tensors have the batch first; floating-point ones, the model's included, are in the dtype and
    on the device asked for. `remarks`: one sentence each on what a reader would not expect.
    """

    name: str
    model: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    remarks: tuple[str, ...]


@dataclass
class _Made:
    """A model, and what came with it: example inputs, or the shape of one sample."""

    model: nn.Module
    size: tuple[int, ...] | None = None
    inputs: object = None
    named: bool = False  # its weights are drawn here, not by code of the user
    remarks: list[str] = field(default_factory=list)


def load_target(
    text: str,
    *,
    input_size: tuple[int, ...] | None = None,
    tokens: int | None = None,
    vocab: int | None = None,
    batch: int = 4,
    checkpoint: Path | str | None = None,
    dtype: str = "float32",
    device: str = "auto",
    seed: int = 0,
    num_classes: int | None = None,
) -> Target:
    """The model that `text` names, and inputs for it.

    Inputs: standard normal (batch, *input_size), or integers below `vocab` (batch, tokens), or
    those that a callable returns with its module, or normal ones of the model's own size. The seed
    gives the same weights and inputs each time; the global random state, torch's defaults and
    sys.path are left as found. `checkpoint` is a safetensors file with all the weights. `device` is
    "auto" (CUDA if there is any), "cpu", "cuda" or "cuda:N". Raises InputError for a target that is
    unknown or fails, for options that make no sense, and for inputs of unknown shape.
    """
    request = InputRequest(input_size, tokens, vocab, batch, seed)
    if num_classes is not None:
        check_whole("--num-classes", num_classes)
    if dtype not in DTYPES:
        raise InputError(f"unknown dtype {dtype!r}: choose from {', '.join(DTYPES)}")
    place, numbers = _device(device), DTYPES[dtype]
    with _left_as_found(seed):
        made = _make(text, request, num_classes)
    args, kwargs = _arguments(text, made, request)
    # In the dtype before it is loaded: float64 weights would be rounded on their way.
    _move(text, made.model, None, numbers)
    if checkpoint is not None:
        load_weights(made.model, Path(checkpoint))
    elif made.named:
        made.remarks.append(f"the weights are random, drawn with seed {seed}")
    _move(text, made.model, place, numbers)
    if dtype in _COARSE:
        made.remarks.append(f"in {dtype} gains are measured, and nothing is certified")
    return Target(
        text,
        made.model,
        placed(args, place, numbers),
        placed(kwargs, place, numbers),
        tuple(made.remarks),
    )


def _make(text: str, request: InputRequest, num_classes: int | None) -> _Made:
    source, colon, name = text.rpartition(":")
    zoo, _, zoo_name = text.partition(":")
    if text.endswith(".py"):
        return _by_code(text, from_file, text, "", num_classes)
    if colon and zoo not in ("torchvision", "timm"):
        maker = from_file if source.endswith(".py") else from_package
        return _by_code(text, maker, source, name, num_classes)
    if request.tokens is not None:
        raise InputError(f"{text} takes images, not tokens: use --input-size C,H,W")
    if colon and zoo == "torchvision":
        return _Made(*torchvision_model(zoo_name, num_classes), named=True)
    if colon:
        return _Made(timm_model(zoo_name, num_classes, request.input_size), named=True)
    if _is_built_in(text):
        return _built_in(text, request, num_classes)
    if not has_torchvision(text):
        raise InputError(_unknown(text))
    remark = f"{text!r} is no built-in network: it is torchvision's"
    return _Made(*torchvision_model(text, num_classes), named=True, remarks=[remark])


def _by_code(
    text: str,
    maker: Callable[[str, str], object],
    source: str,
    name: str,
    num_classes: int | None,
) -> _Made:
    if num_classes is not None:
        raise InputError(f"{text} is called without arguments: leave out --num-classes")
    returned = maker(source, name)
    inputs: object = None
    if isinstance(returned, tuple) and len(returned) == 2:
        returned, inputs = returned
    if not isinstance(returned, nn.Module):
        raise InputError(
            f"{text} returns {_described(returned)}: return an nn.Module, or (module, example "
            "inputs)"
        )
    return _Made(returned, inputs=inputs)


def _described(value: object) -> str:
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    if isinstance(value, type):
        return f"the class {value.__name__}, not an instance of it"
    return f"an object of type {type(value).__name__}"


def _is_built_in(text: str) -> bool:
    with suppress(InputError):
        parse(text)
        return True
    return text in NETWORKS


def _built_in(text: str, request: InputRequest, num_classes: int | None) -> _Made:
    own = (NETWORKS[text].settings if text in NETWORKS else Config)()
    size = request.input_size or (own.in_channels, own.image_size, own.image_size)
    if len(size) != 3 or size[1] != size[2]:
        raise InputError(
            f"{text} takes square images, not --input-size {','.join(map(str, size))}: write C,H,H"
        )
    classes = own.num_classes if num_classes is None else num_classes
    network = build(text, classes, size[0], seed=request.seed, image_size=size[1])
    return _Made(network, size, named=True)


def _unknown(text: str) -> str:
    near = nearest(text, [*NETWORKS, *(f"{family}-20" for family in FAMILIES)])
    hint = f"did you mean {near!r}? Or " if near else ""
    return (
        f"unknown target {text!r}: {hint}write a built-in name ({', '.join(FAMILIES)} with -DEPTH; "
        f"{', '.join(NETWORKS)}), torchvision:NAME, timm:NAME, package.module:CALLABLE or "
        "FILE.py:CALLABLE"
    )


def _arguments(
    text: str, made: _Made, request: InputRequest
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if made.inputs is not None and not request.explicit:
        return as_arguments(made.inputs, text)
    if made.inputs is not None:
        made.remarks.append(f"{request.explicit} replaces the example inputs of {text}")
    size = made.size or own_input_size(made.model)
    if size is None and not request.explicit:
        raise InputError(
            f"{text} does not say what its inputs are: give --input-size C,H,W, or --tokens N "
            "--vocab V"
        )
    return (request.draw(size or ()),), {}


def _device(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, colon, number = device.partition(":")
    if device != "cpu" and not (kind == "cuda" and (not colon or number.isdecimal())):
        raise InputError(f"unknown device {device!r}: choose auto, cpu, cuda or cuda:N")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if kind == "cuda" and int(number or 0) >= count:
        raise InputError(f"there is no device {device!r}: choose --device auto or cpu")
    return torch.device(device)


def _move(text: str, model: nn.Module, device: torch.device | None, dtype: torch.dtype) -> None:
    """As `model.to(device, dtype)`, which however casts complex numbers to real ones."""
    try:
        model._apply(lambda tensor: cast(tensor, device, dtype))
    except RuntimeError as error:  # so is NotImplementedError, raised where there are no weights
        reason = next(iter(str(error).splitlines()), "")
        raise InputError(
            f"{text} cannot be moved to {device or 'its device'} in {dtype} ({reason}): choose "
            "another --device or --dtype, or a model that holds its weights"
        ) from error


@contextmanager
def _left_as_found(seed: int) -> Iterator[None]:
    """Random numbers of this seed inside, and torch's usual defaults, also if the code within sets
    others.
    """
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices), torch.enable_grad():
        torch.manual_seed(seed)
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            if torch.get_default_device() != device:
                # A default device is a mode, which None alone takes away.
                torch.set_default_device(None)
            if torch.get_default_device() != device:
                torch.set_default_device(device)
