"""Checks that a model can be captured, and brings it back as it was after it has run."""

import copy
import random
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_flatten

from derivations.errors import CaptureError, InputError
from numeric.checks import is_finite


def without_numbers(model: object, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether the model and its inputs are on the meta device, all of them: there is structure to
    be read, and nothing to be measured.
    """
    held = [*model.parameters(), *model.buffers()] if isinstance(model, nn.Module) else []
    given = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
    return bool(given) and all(tensor.is_meta for tensor in (*held, *given))


def check_model(model: object, meta: bool = False) -> None:
    """Raises InputError for what is no model, or holds what is no number, and CaptureError for a
    model whose operations no recording sees. Each names the parameter or the module. With `meta`
    tensors on the meta device will do.
    """
    if not callable(model) or isinstance(model, type):
        raise InputError(
            f"{getattr(model, '__name__', type(model).__name__)} is no model: pass an nn.Module "
            "or a function"
        )
    if not isinstance(model, nn.Module):
        return
    for path, module in model.named_modules():
        name = path or "the model"
        if isinstance(module, torch.jit.ScriptModule | torch.jit.ScriptFunction):
            raise CaptureError(f"{name} is scripted: pass the Python module that it was made from")
        if module._backward_hooks or module._backward_pre_hooks:
            raise CaptureError(
                f"{name} has a backward hook, which may change gradients: remove it first, by the "
                "handle that register_full_backward_hook gave, and hang it on again afterwards"
            )
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if not is_lazy(tensor) and tensor.is_inference():
            raise InputError(f"{name} was made in inference mode: make the model outside of it")
        _check_tensor(name, tensor, "give the model real weights first", meta)


def check_inputs(args: Sequence[Any], kwargs: Mapping[str, Any], meta: bool = False) -> None:
    """Raises InputError for arguments without a tensor, or with one that holds no numbers."""
    tensors = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
    if not tensors:
        raise InputError("there is no tensor among the inputs: pass the model's arguments")
    for position, tensor in enumerate(tensors, 1):
        _check_tensor(f"tensor {position} of the inputs", tensor, "pass a real one", meta)


def _check_tensor(name: str, tensor: Tensor, way_out: str, meta: bool) -> None:
    if is_lazy(tensor):
        raise InputError(f"{name} has no shape yet: run the model on an input once first")
    if tensor.is_meta and meta:
        return
    if tensor.is_meta:
        raise InputError(f"{name} is on the meta device: {way_out}")
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested:
        raise InputError(f"{name} is no dense tensor of numbers: pass it as one")
    if not is_finite(tensor):
        raise InputError(f"{name} has entries that are not finite: remove NaN and infinity")


@contextmanager
def untouched(model: object) -> Iterator[None]:
    """Runs what is inside and puts the model back, bit for bit, with the random generators.

    That is every module's attributes, its parameters', buffers' and gradients' tensors and values,
    and modes and hooks, also of modules that the model runs without holding them. Values are
    copied of buffers and other tensors alone; where a parameter was changed, that cannot be undone:
    InputError names it.
    """
    held = _Held()
    for path, module in model.named_modules() if isinstance(model, nn.Module) else ():
        held.take(path, module)
    random_numbers = Generators()
    hook = register_module_forward_pre_hook(
        lambda module, args: held.take(f"({type(module).__name__})", module)
    )
    try:
        with eager():  # no compiler would follow the hook
            yield
    finally:
        hook.remove()
        held.put_back()
        random_numbers.put_back()
    held.check_weights()


class _Held:
    """What modules were before they ran."""

    def __init__(self) -> None:
        self._attributes: dict[nn.Module, dict[str, Any]] = {}
        self._tensors: dict[int, tuple[Tensor, Tensor]] = {}
        self._weights: dict[int, tuple[str, nn.Parameter, int]] = {}
        self._gradients: list[tuple[nn.Parameter, Tensor | None, Tensor | None]] = []

    def take(self, path: str, module: nn.Module) -> None:
        if module in self._attributes:
            return
        attributes = self._attributes[module] = _attributes(module)
        held = [value for name, value in attributes.items() if name not in _LEFT and _holds(value)]
        for leaf in tree_flatten(held)[0]:
            if not isinstance(leaf, Tensor) or isinstance(leaf, nn.Parameter) or is_lazy(leaf):
                continue
            if leaf.grad_fn is None and not leaf.is_meta and id(leaf) not in self._tensors:
                self._tensors[id(leaf)] = leaf, leaf.detach().clone()
        for name, weight in module.named_parameters(recurse=False):
            if id(weight) not in self._weights:
                full = f"{path}.{name}" if path else name
                self._weights[id(weight)] = full, weight, weight._version
                grad = weight.grad
                kept = None if grad is None else grad.clone()
                self._gradients.append((weight, grad, kept))

    def put_back(self) -> None:
        for module, attributes in self._attributes.items():
            _put_back(module, attributes)
        with torch.no_grad():
            for tensor, value in self._tensors.values():
                if tensor.grad_fn is not None and not tensor._is_view():
                    tensor.detach_()  # it was changed by what depends on weights or the input
                if not torch.equal(tensor, value):
                    tensor.copy_(value)
            for weight, grad, kept in self._gradients:
                weight.grad = grad
                if grad is not None and kept is not None:
                    grad.copy_(kept)

    def check_weights(self) -> None:
        for name, weight, version in self._weights.values():
            if weight._version != version:
                raise InputError(
                    f"running the model changes its parameter {name}: make it a buffer"
                )


_LEFT = ("_parameters", "_modules")
"""What these hold is looked after elsewhere."""


def _holds(value: object) -> bool:
    """Whether an attribute may be a tensor, or hold one."""
    empty = isinstance(value, dict | list | tuple) and not value
    return not empty and not isinstance(value, bool | int | float | str | None)


def _attributes(module: nn.Module) -> dict[str, Any]:
    """What a module holds, its containers copied: they may be changed while it runs."""
    return {
        name: _copied(value) if isinstance(value, dict | list | set) else value
        for name, value in vars(module).items()
    }


def _copied(value: Any) -> Any:
    plain = type(value) in (dict, OrderedDict, list, set)
    return value.copy() if plain else copy.copy(value)  # many times slower


def _put_back(module: nn.Module, attributes: dict[str, Any]) -> None:
    held = vars(module)
    for name in set(held) - set(attributes):
        del held[name]
    for name, value in attributes.items():
        now = held.get(name)
        # The very same container comes back: others may hold it, as hooks' handles do.
        if isinstance(value, dict) and isinstance(now, dict):
            if list(now) != list(value) or any(now[key] is not value[key] for key in now):
                now.clear()
                now.update(value)
        elif isinstance(value, set) and isinstance(now, set):
            now.clear()
            now.update(value)
        elif isinstance(value, list) and isinstance(now, list):
            now[:] = value
        elif now is not value:
            held[name] = value


@contextmanager
def eager() -> Iterator[None]:
    """Compiled models run as they were written."""
    if "torch._dynamo" not in sys.modules:  # nothing was compiled, and the import takes seconds
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


class Generators:
    """Where the random generators that all share are now, or those of torch `alone`."""

    def __init__(self, alone: bool = False) -> None:
        self._torch = _torch_states()
        self._others = None if alone else _other_states()

    def put_back(self) -> None:
        torch.set_rng_state(self._torch[0])
        if len(self._torch) > 1:
            torch.cuda.set_rng_state_all(list(self._torch[1:]))
        if self._others is not None:
            random.setstate(self._others[0])
            np.random.set_state(self._others[1])  # noqa: NPY002

    def moved(self) -> bool:
        """Whether torch's have drawn numbers since."""
        pairs = zip(self._torch, _torch_states(), strict=True)
        return not all(torch.equal(before, now) for before, now in pairs)


def _other_states() -> tuple[Any, Any]:
    """Python's and NumPy's."""
    return random.getstate(), np.random.get_state(legacy=False)  # noqa: NPY002


def _torch_states() -> tuple[Tensor, ...]:
    """The CPU's first."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return (torch.get_rng_state(), *cuda)
