"""Paths of running modules: nested, repeated, unlisted."""

import torch
from torch import nn

from numeric.recording.module_paths import ModulePaths


class Seen(nn.Module):
    """Notes what is said to run while it does."""

    def __init__(self, paths: list[ModulePaths], inner: nn.Module | None = None) -> None:
        super().__init__()
        self.paths, self.inner, self.said = paths, inner, []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.said.append(self.paths[0].current)
        x = self.inner(x) if self.inner is not None else x
        self.said.append(self.paths[0].current)
        return x


def test_the_innermost_running_module_is_current() -> None:
    held: list[ModulePaths] = []
    inner = Seen(held)
    model = nn.Sequential(Seen(held, inner), inner)
    held.append(ModulePaths(model))
    with held[0]:
        model(torch.zeros(1))
        assert held[0].current == ""
    assert model[0].said == ["0", "0"]
    assert inner.said == ["0.inner", "0.inner", "0.inner@2", "0.inner@2"]


def test_a_module_that_no_model_holds_goes_by_its_class() -> None:
    held: list[ModulePaths] = [ModulePaths(None)]
    loose = Seen(held)
    with held[0]:
        loose(torch.zeros(1))
    assert loose.said[0] == "(Seen)"


def test_a_module_that_fails_is_left() -> None:
    paths = ModulePaths(None)
    with paths:
        try:
            nn.Linear(2, 2)(torch.zeros(1, 3))
        except RuntimeError:
            assert paths.current == ""
    assert not nn.modules.module._global_forward_hooks
    assert not nn.modules.module._global_forward_pre_hooks


def test_a_model_of_length_zero_has_paths() -> None:
    model = nn.Sequential()
    assert len(model) == 0
    paths = ModulePaths(model)
    with paths:
        model(torch.zeros(1))
    assert paths._calls
    assert paths._names
