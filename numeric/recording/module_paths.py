"""Knows which module is running: by its path in the model, with "@k" for its k-th call."""

from typing import Any, Self

from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook


class ModulePaths:
    """While entered, `current` is the path of the innermost module that runs, "" for the model.

    A module that the model does not hold (in a list, or a closure) goes by its class.
    """

    def __init__(self, model: nn.Module | None) -> None:
        held = () if model is None else model.named_modules()  # a model may have a length, of 0
        self._names = {id(module): path for path, module in held}
        self._calls: dict[int, int] = {}
        self._running: list[str] = []
        self._handles: list[Any] = []
        self.unlisted: dict[nn.Module, None] = {}

    @property
    def current(self) -> str:
        return self._running[-1] if self._running else ""

    def __enter__(self) -> Self:
        self._handles = [
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._leave, always_call=True),
        ]
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _enter(self, module: nn.Module, args: object) -> None:
        count = self._calls[id(module)] = self._calls.get(id(module), 0) + 1
        if id(module) not in self._names:
            self.unlisted[module] = None
        path = self._names.get(id(module), f"({type(module).__name__})")
        self._running.append(f"{path}@{count}" if count > 1 else path)

    def _leave(self, module: nn.Module, args: object, result: object) -> None:
        self._running.pop()
