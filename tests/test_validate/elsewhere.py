"""Gives tests a second device: tensors on it refuse what tensors on a GPU refuse.

Within `elsewhere()` the device is called "meta". Its tensors hold numbers, which are computed on
the CPU, but mix with no CPU tensor of more than no axes, and are no NumPy arrays.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map

aten = torch.ops.aten
CROSSING = {aten._to_copy.default, aten.copy_.default}
INDEXED = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default}
"""Whose indices may be on the CPU."""


class Elsewhere(torch.Tensor):
    """A tensor on the second device."""

    @staticmethod
    def __new__(cls, held):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device="meta",
        )

    def __init__(self, held):
        self.held = held

    @property
    def is_meta(self):
        """It has numbers."""
        return False

    def tolist(self):
        """As of a tensor on any device; torch refuses it of all but its own kinds."""
        return self.held.tolist()

    def new_tensor(self, data):
        """Here, and not without numbers."""
        return Elsewhere(self.held.new_tensor(data))

    # torch takes a list of places to the device by a way of its own, on which it loses its numbers.
    def __getitem__(self, key):
        return super().__getitem__(_places(key))

    def __setitem__(self, key, value):
        super().__setitem__(_places(key), value)

    def __repr__(self):
        return f"Elsewhere({self.held!r})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _call(func, args, kwargs or {})


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _call(func, args, kwargs or {})


def _call(func, args, kwargs):
    given = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, torch.Tensor)]
    wanted = kwargs.get("device")
    there = any(isinstance(each, Elsewhere) for each in given)
    stays = there if wanted is None else torch.device(wanted).type == "meta"
    if func is aten.copy_.default:
        stays = isinstance(args[0], Elsewhere)
    if there and func not in CROSSING:
        apart = [each for each in given if not isinstance(each, Elsewhere) and each.ndim]
        if func in INDEXED and isinstance(args[0], Elsewhere):
            apart = [each for each in apart if not any(each is index for index in args[1])]
        if apart:
            raise RuntimeError(f"{func}: expected all tensors to be on the same device")
    generator = kwargs.get("generator")
    if stays and generator is not None and generator.device.type == "cpu":
        raise RuntimeError(f"{func}: expected its generator to be on the same device")
    if not (there or stays):
        return func(*args, **kwargs)
    inner_args, inner_kwargs = tree_map(_inner, (args, kwargs))
    if wanted is not None:
        inner_kwargs["device"] = torch.device("cpu")
    found = func(*inner_args, **inner_kwargs)
    if not stays:
        return found
    return return_and_correct_aliasing(func, args, kwargs, tree_map(_wrapped, found))


def _places(key):
    if isinstance(key, tuple):
        return tuple(map(_places, key))
    return torch.tensor(key, dtype=torch.long) if isinstance(key, list) else key


def _inner(value):
    return value.held if isinstance(value, Elsewhere) else value


def _wrapped(value):
    plain = isinstance(value, torch.Tensor) and not isinstance(value, Elsewhere)
    return Elsewhere(value) if plain else value


@contextmanager
def elsewhere() -> Iterator[None]:
    """Makes the device "meta" the second device."""
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    # Else a module puts new numbers into its old tensors, which only torch's own kinds allow.
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with _Mode():
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)
