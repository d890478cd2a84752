"""Makes the inputs that a model runs at: drawn from a seed, or those that came with it.

What is drawn is the same on every device and, up to rounding, in every dtype.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from derivations.errors import InputError

SEEDS = 2**32
"""torch's generator on the CPU reads no more of a seed than its lower 32 bits."""

_INPUT_STREAM = 0x9E3779B9  # apart from the weights' own: else inputs would equal the first of them


@dataclass(frozen=True)
class InputRequest:
    """What was asked of the inputs: the shape of one sample, or a number of tokens from a
    vocabulary, or neither; and how many samples, from which seed.

    Raises InputError for an impossible or contradictory request.
    """

    input_size: tuple[int, ...] | None = None
    tokens: int | None = None
    vocab: int | None = None
    batch: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.input_size is not None:
            if not isinstance(self.input_size, tuple) or not self.input_size:
                raise InputError(
                    f"--input-size is {self.input_size!r}: write the shape of one sample, "
                    "such as 3,224,224"
                )
            for size in self.input_size:
                check_whole("--input-size", size)
        if (self.tokens is None) != (self.vocab is None):
            raise InputError("--tokens and --vocab go together: give both or neither")
        if self.input_size is not None and self.tokens is not None:
            raise InputError("--input-size and --tokens exclude each other: give one of them")
        for option, value in (("--tokens", self.tokens), ("--vocab", self.vocab)):
            if value is not None:
                check_whole(option, value)
        check_whole("--batch", self.batch)
        check_whole("--seed", self.seed, 0)
        if self.seed >= SEEDS:
            raise InputError(f"--seed is {self.seed}: it must be below {SEEDS}")

    @property
    def explicit(self) -> str:
        """The option that says what the inputs are, or ""."""
        return "--input-size" if self.input_size else "--tokens" if self.tokens else ""

    def draw(self, size: tuple[int, ...]) -> Tensor:
        """Tokens (batch, tokens) in int64 if asked for, else standard normal (batch, *shape) in
        float64, of the shape asked for or, without one, of `size`.
        """
        generator = torch.Generator("cpu").manual_seed(self.seed ^ _INPUT_STREAM)
        # A default device that is set elsewhere would not fit the generator.
        if self.tokens is not None and self.vocab is not None:
            text = (self.batch, self.tokens)
            return torch.randint(self.vocab, text, generator=generator, device="cpu")
        shape = (self.batch, *(self.input_size or size))
        return torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu")


def check_whole(option: str, value: Any, least: int = 1) -> None:
    """Raises InputError unless the value is an integer of at least `least`."""
    whole = isinstance(value, int | Integral) and not isinstance(value, bool)
    if not whole or value < least:
        raise InputError(f"{option} is {value!r}: it must be an integer of at least {least}")


def own_input_size(model: nn.Module) -> tuple[int, ...] | None:
    """The shape of one sample that a model states in timm's way, if it does."""
    stated = getattr(model, "default_cfg", None)
    size = stated.get("input_size") if isinstance(stated, Mapping) else None
    return tuple(size) if size else None


def as_arguments(inputs: object, source: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments from a tensor, a tuple or a mapping by name.

    Raises InputError, naming `source`, for anything else and where there is no tensor at all.
    """
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    if isinstance(inputs, Tensor):
        args = (inputs,)
    elif isinstance(inputs, tuple):
        args = inputs
    elif isinstance(inputs, Mapping) and all(isinstance(key, str) for key in inputs):
        kwargs = dict(inputs)
    else:
        raise InputError(
            f"{source} gives example inputs of type {type(inputs).__name__}: return a tensor, a "
            "tuple of positional inputs or a dict of keyword arguments"
        )
    if not _holds_tensor((args, kwargs)):
        raise InputError(f"{source} gives example inputs without a tensor: return at least one")
    return args, kwargs


def placed(value: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """The same with every tensor in it on `device`, cut from its past, and in `dtype` if it is
    floating-point; integers, booleans and complex numbers keep their type.
    """
    if isinstance(value, Tensor):
        return cast(value.detach(), device, dtype)
    if type(value) in (tuple, list):
        return type(value)(placed(each, device, dtype) for each in value)
    if type(value) is dict:
        return {key: placed(each, device, dtype) for key, each in value.items()}
    return value


def cast(tensor: Tensor, device: torch.device | None, dtype: torch.dtype) -> Tensor:
    """On the device, and in the dtype if it is floating-point."""
    return tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype)


def _holds_tensor(value: object) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    return isinstance(value, Tensor) or (
        isinstance(value, tuple | list) and any(map(_holds_tensor, value))
    )
