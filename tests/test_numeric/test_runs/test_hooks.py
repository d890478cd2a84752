"""Hooks of modules are found, silenced while something runs, and put back as they were."""

import pytest
import torch
from torch import nn
from torch.nn.modules import module as everywhere

from numeric.runs.hooks import ALL, BACKWARD, has_hooks, silenced

REGISTER = {
    "forward_pre_hooks": "register_forward_pre_hook",
    "forward_hooks": "register_forward_hook",
    "backward_pre_hooks": "register_full_backward_pre_hook",
    "backward_hooks": "register_full_backward_hook",
}
EVERYWHERE = {
    "forward_pre_hooks": everywhere.register_module_forward_pre_hook,
    "forward_hooks": everywhere.register_module_forward_hook,
    "backward_pre_hooks": everywhere.register_module_full_backward_pre_hook,
    "backward_hooks": everywhere.register_module_full_backward_hook,
}


def passed(layer: nn.Module) -> None:
    layer(torch.ones(1, 2, requires_grad=True)).sum().backward()


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("kind", ALL)
def test_each_kind_of_hook_is_found_silenced_and_put_back(kind, everywhere):
    layer, fired = nn.Linear(2, 2), []
    assert not has_hooks([layer])
    register = EVERYWHERE[kind] if everywhere else getattr(layer, REGISTER[kind])
    handle = register(lambda *_: fired.append(kind))
    try:
        assert has_hooks([layer])
        with silenced([layer]):
            assert not has_hooks([layer])
            passed(layer)
        assert fired == []
        passed(layer)
        assert fired == [kind]
    finally:
        handle.remove()
    assert not has_hooks([layer])


def test_hooks_of_other_kinds_stay():
    layer, fired = nn.Linear(2, 2), []
    layer.register_forward_hook(lambda *_: fired.append("forward"))
    layer.register_full_backward_hook(lambda *_: fired.append("backward"))
    with silenced([layer], BACKWARD):
        passed(layer)
    assert fired == ["forward"]


def test_hooks_come_back_after_a_failure():
    layer = nn.Linear(2, 2)
    handle = layer.register_forward_hook(lambda *_: None)
    with pytest.raises(ZeroDivisionError), silenced([layer]):
        raise ZeroDivisionError
    assert has_hooks([layer])
    handle.remove()
    assert not has_hooks([layer])
