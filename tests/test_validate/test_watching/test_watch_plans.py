import pytest
import torch
from test_validate.watched import batch, residual
from torch import nn

from derivations.errors import CaptureError
from validate.measure.signal_hooks import SignalHooks
from validate.watching.watch_plans import CAPTURES, WatchPlans


def ran(model, plan, x, strict):
    hooks = SignalHooks(plan.points, lambda number: None, strict)
    hooks.met(0, "in", ((x,), {}))
    with hooks:
        model(x)
    hooks.finish()
    return hooks


def test_a_known_run_is_not_captured_again():
    model, plans, (x, _) = residual(), WatchPlans(False), batch()
    key, plan, strict = plans.find(model, (x,), {})
    assert strict
    assert plans.find(model, (x,), {}) == (key, plan, True)
    assert plans.find(model, (x + 1,), {})[1] is plan
    assert plans.find(model, (x[:2],), {})[1] is not plan


@pytest.mark.parametrize(("fixed", "captures"), [(False, CAPTURES), (True, 1)])
def test_captures_are_counted(fixed, captures):
    model, plans = residual(), WatchPlans(fixed)
    found = [plans.find(model, (batch(size=k)[0],), {}) for k in range(1, 11)]
    assert [strict for _, _, strict in found] == [True] * captures + [False] * (10 - captures)
    assert {id(plan) for _, plan, _ in found[captures:]} == {id(found[captures - 1][1])}
    assert len(plans.remarks) == 1
    assert plans.find(model.eval(), (batch()[0],), {})[1] is None


def test_a_run_that_strays_is_forgotten_and_said_once():
    model, plans, (x, _) = residual(), WatchPlans(False), batch()
    for step in range(3):
        key, plan, strict = plans.find(model, (x,), {})
        hooks = ran(nn.Sequential(nn.Identity(), *model[:2]), plan, x, strict)
        plans.judge(key, step, hooks)
        assert hooks.problem is not None
    assert [("pass 0" in each) for each in plans.remarks] == [True]
    plans.judge(key, 3, ran(model, plans.find(model, (x,), {})[1], x, True))
    assert len(plans.remarks) == 1


def test_a_run_of_another_length_strays():
    model, plans, (x, _) = residual(), WatchPlans(False), batch()
    key, plan, strict = plans.find(model, (x,), {})
    first = ran(model, plan, x, strict)
    plans.judge(key, 0, first)
    longer = ran(nn.Sequential(*model, nn.Tanh()), plan, x, strict)
    assert longer.problem is None
    plans.judge(key, 1, longer)
    assert "functions are called instead of" in longer.problem


def test_only_the_first_capture_may_fail():
    class Sometimes(nn.Module):
        def forward(self, x):
            return x * 2 if len(x) == 6 else x.detach()

    plans, (x, _) = WatchPlans(False), batch()
    with pytest.raises(CaptureError):
        plans.find(Sometimes(), (x[:2],), {})
    model = Sometimes()
    assert plans.find(model, (x,), {})[1] is not None
    assert plans.find(model, (x[:2],), {})[1] is None
    assert any("not looked at" in each for each in plans.remarks)


def test_autocast_keeps_no_weight_of_a_capture():
    model, (x, _) = residual(torch.float32), batch(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        WatchPlans(False).find(model, (x,), {})
        assert torch.is_autocast_cache_enabled()
        model(x).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
