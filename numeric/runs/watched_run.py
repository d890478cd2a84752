"""Watches a map while it runs: refuses one that is random, or that changes what it holds.

Modules are found by what runs, wherever they are kept. What a refused map has changed is put back:
its buffers, and the states of the random generators. Never imports a term.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from derivations.errors import InputError
from numeric.checks import Function, as_module, coupling


class Watched:
    """The modules that ran, and those that a map is known to hold."""

    def __init__(self, name: str, function: Function) -> None:
        self.name = name
        self.modules: dict[nn.Module, None] = {}
        self.changed: list[str] = []
        self._saved: list[tuple[str, Tensor, int, Tensor]] = []
        self._seen: dict[nn.Module, tuple[str, dict[str, Tensor | None]]] = {}
        owner = as_module(function)
        for path, module in owner.named_modules() if owner is not None else ():
            self._save(module, f"{path}." if path else "")

    def before(self, module: nn.Module, args: object) -> None:
        """Looks at a module that is about to run; refuses one whose map is not fixed."""
        if module not in self.modules:
            self.modules[module] = None
            if reason := coupling(module):
                raise InputError(
                    f"{self.name} runs a {type(module).__name__} that {reason}: call its eval() "
                    "first"
                )
        if module not in self._seen:
            self._save(module, f"{type(module).__name__}.")

    def after(self, module: nn.Module, args: object, value: object) -> None:
        """Looks at a module that has run: whether its buffers are the same tensors."""
        prefix, buffers = self._seen[module]
        for name, tensor in buffers.items():
            if module._buffers.get(name) is not tensor:
                module._buffers[name] = tensor
                self.changed.append(prefix + name)

    def finish(self) -> None:
        """Puts back what was changed in place."""
        for name, tensor, version, value in self._saved:
            if tensor._version != version:
                self.changed.append(name)
                with torch.no_grad():
                    tensor.copy_(value)

    def _save(self, module: nn.Module, prefix: str) -> None:
        self._seen[module] = prefix, dict(module._buffers)
        for name, tensor in module._buffers.items():
            if tensor is not None and not tensor.is_inference():
                saved = tensor.detach().clone()
                self._saved.append((prefix + name, tensor, tensor._version, saved))


@contextmanager
def watched(name: str, function: Function) -> Iterator[Watched]:
    """Watches `function`, called `name` in refusals, while it runs inside.

    Raises InputError for a module in a mode that is random or couples samples (before it runs), for
    a changed buffer and for random numbers drawn from a generator that all share.
    """
    watch = Watched(name, function)
    handles = (
        register_module_forward_pre_hook(watch.before),
        register_module_forward_hook(watch.after),
    )
    generators = _Generators()
    drawn = False
    try:
        yield watch
    finally:
        for handle in handles:
            handle.remove()
        watch.finish()
        drawn = generators.put_back()
    if watch.changed:
        raise InputError(
            f"evaluating {name} changes its buffer {watch.changed[0]!r}: call model.eval() first"
        )
    if drawn:
        raise InputError(
            f"{name} draws random numbers: call model.eval(), or leave out what is random"
        )


class _Generators:
    """The states of the random generators that all share, when this was made.

    NumPy's old one is among them (NPY002): a map may draw from it.
    """

    def __init__(self) -> None:
        self._cpu, self._cuda = torch.get_rng_state(), _cuda_states()
        self._python, self._numpy = random.getstate(), np.random.get_state()  # noqa: NPY002

    def put_back(self) -> bool:
        """Restores the states; whether any had moved."""
        moved = not torch.equal(self._cpu, torch.get_rng_state())
        torch.set_rng_state(self._cpu)
        if self._cuda:
            moved |= not all(map(torch.equal, self._cuda, _cuda_states()))
            torch.cuda.set_rng_state_all(self._cuda)
        moved |= self._python != random.getstate()
        random.setstate(self._python)
        moved |= not all(map(np.array_equal, self._numpy, np.random.get_state()))  # noqa: NPY002
        np.random.set_state(self._numpy)  # noqa: NPY002
        return moved


def _cuda_states() -> list[Tensor]:
    return torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
