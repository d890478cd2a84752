"""Checks that a model can be captured, and brings it back as it was after it has run."""

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from derivations.errors import CaptureError, InputError


def check_model(model: object) -> None:
    """Raises InputError for what is no model, or holds what is no number, and CaptureError for a
    model whose operations no recording sees. Each names the parameter or the module.
    """
    if not callable(model):
        raise InputError(f"a {type(model).__name__} is no model: pass an nn.Module or a function")
    if not isinstance(model, nn.Module):
        return
    for path, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule | torch.jit.ScriptFunction):
            raise CaptureError(
                f"{path or 'the model'} is scripted: pass the Python module that it was made from"
            )
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if is_lazy(tensor):
            raise InputError(f"{name} has no shape yet: run the model on an input once first")
        if tensor.is_meta:
            raise InputError(f"{name} is on the meta device: give the model real weights first")
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise InputError(f"{name} has entries that are not finite: remove NaN and infinity")


@contextmanager
def untouched(model: object) -> Iterator[None]:
    """Runs what is inside and puts the model back, bit for bit, with the random generators.

    That is every module's attributes, its parameters', buffers' and gradients' tensors and values,
    and modes and hooks. Values are copied for buffers alone; where a parameter was changed, that
    cannot be undone: InputError names it.
    """
    modules = dict(model.named_modules()) if isinstance(model, nn.Module) else {}
    states = [(module, _attributes(module)) for module in modules.values()]
    buffers = [(b, b.detach().clone()) for m in modules.values() for b in m.buffers(recurse=False)]
    weights = [(name, p, p._version) for name, p in _parameters(model)]
    gradients = [(p, p.grad, None if p.grad is None else p.grad.clone()) for _, p, _ in weights]
    generators = _generator_states()
    try:
        yield
    finally:
        for module, attributes in states:
            _put_back(module, attributes)
        with torch.no_grad():
            for buffer, value in buffers:
                if not torch.equal(buffer, value):
                    buffer.copy_(value)
            for weight, held, gradient in gradients:
                weight.grad = held
                if held is not None and gradient is not None:
                    held.copy_(gradient)
        for put_back in generators:
            put_back()
    for name, weight, version in weights:
        if weight._version != version:
            raise InputError(f"running the model changes its parameter {name}: make it a buffer")


def _parameters(model: object) -> list[tuple[str, nn.Parameter]]:
    return list(model.named_parameters()) if isinstance(model, nn.Module) else []


def _attributes(module: nn.Module) -> dict[str, Any]:
    """What a module holds, its containers copied: they may be changed while it runs."""
    return {
        name: copy.copy(value) if isinstance(value, dict | list | set) else value
        for name, value in vars(module).items()
    }


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


def _generator_states() -> list[Callable[[], object]]:
    """How to put each random generator that all share back to where it is now."""
    states: list[Callable[[], object]] = []
    cpu, python, numpy = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    states.append(lambda: torch.set_rng_state(cpu))
    states.append(lambda: random.setstate(python))
    states.append(lambda: np.random.set_state(numpy))  # noqa: NPY002
    if torch.cuda.is_initialized():
        cuda: list[Tensor] = torch.cuda.get_rng_state_all()
        states.append(lambda: torch.cuda.set_rng_state_all(cuda))
    return states
