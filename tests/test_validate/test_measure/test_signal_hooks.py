from dataclasses import dataclass, replace

import pytest
import torch

from validate.measure.signal_hooks import Point, SignalHooks, Slice


@dataclass(frozen=True)
class Place:
    call: int
    side: str
    position: int = 0


W = torch.linspace(-1, 1, 16, dtype=torch.float64).reshape(4, 4)
X = torch.linspace(-2, 3, 12, dtype=torch.float64).reshape(3, 4)
POINTS = (
    Point(Place(0, "in"), "norm", (3, 4)),
    Point(Place(1, "out"), "norm", (3, 4), "matmul"),
    Point(Place(1, "out"), "idle", (3, 4), "matmul"),
    Point(Place(2, "out"), "norm", (3, 4), "relu"),
    Point(Place(3, "in"), "norm", (3, 4)),
    Point(Place(2, "out"), "mean", (3, 4), "relu"),
)


def run(points=POINTS, x=X, began=None, **ways):
    """Σ relu(xW)², looked at; the hooks and the loss."""
    hooks = SignalHooks(points, began or (lambda number: None), **ways)
    hooks.met(0, "in", ((x,), {}))
    with hooks:
        loss = torch.square(torch.relu(torch.matmul(x, W))).sum()
    hooks.finish()
    return hooks, loss


def test_points_see_the_signals_of_their_values():
    x = X.clone().requires_grad_()
    passes = []
    hooks, loss = run(x=x, began=passes.append)
    loss.backward()
    (number,) = passes
    found = hooks.take(number)
    after = torch.relu(X @ W)
    signal = 2 * after
    before = signal * (after > 0)
    expected = {
        0: (before @ W.T).norm(), 1: before.norm(), 3: signal.norm(), 4: signal.norm(),
        2: (X @ W <= 0).all(0).double().mean(), 5: after.mean(),
    }  # fmt: skip
    assert hooks.problem is None
    assert hooks.calls == 4
    assert {key: value.item() for key, value in found.items()} == pytest.approx(
        {key: value.item() for key, value in expected.items()}, rel=1e-6
    )
    assert x.grad.norm().item() == found[0].item()


def test_units_are_idle_by_their_values_and_not_for_want_of_a_signal():
    passes = []
    x = torch.tensor([[0.0, 1.0, 1.0, 0.0]] * 3, dtype=X.dtype)
    hooks, loss = run(x=x.requires_grad_(), began=passes.append)
    (0 * loss).backward()
    found = hooks.take(passes[0])
    assert found[1] == 0
    assert found[2] == 0.5


def test_idle_units_are_left_out_where_nobody_asks():
    passes = []
    hooks, loss = run(x=X.clone().requires_grad_(), began=passes.append, idle=False)
    loss.backward()
    assert hooks.problem is None
    assert sorted(hooks.take(passes[0])) == [0, 1, 3, 4, 5]


def test_each_backward_pass_has_numbers_of_its_own():
    passes = []
    hooks, loss = run(x=X.clone().requires_grad_(), began=passes.append)
    loss.backward(retain_graph=True)
    (3 * loss).backward()
    assert len(set(passes)) == 2
    one, other = (hooks.take(number) for number in passes)
    assert other[1].item() == pytest.approx(3 * one[1].item())
    assert other[5] == one[5]
    assert set(hooks.take(passes[0])) == {2, 5}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"made_by": "tanh"}, "function 2"),
        ({"shape": (3, 5)}, "function 2"),
        ({"place": Place(2, "out", 1)}, "function 2"),
        ({"place": Place(9, "out")}, "1 values are never made"),
    ],
)
def test_another_run_is_a_problem_and_gives_no_number(changed, words):
    points = (*POINTS[:3], replace(POINTS[3], **changed))
    passes = []
    hooks, loss = run(points, X.clone().requires_grad_(), passes.append)
    loss.backward()
    assert words in hooks.problem
    assert passes == []


def test_ranks_will_do_where_shapes_need_not_be_the_same():
    hooks, _ = run(x=X[:2], strict=False)
    assert hooks.problem is None
    hooks, _ = run(x=X[:2])
    assert hooks.problem is not None


def test_of_several_results_the_one_that_is_pointed_out_is_looked_at():
    x = X.clone().requires_grad_()
    passes = []
    hooks = SignalHooks((Point(Place(1, "out", 1), "norm", (3, 2), "split"),), passes.append)
    with hooks:
        one, other = torch.split(x, 2, 1)
        loss = torch.sum(one) + torch.sum(torch.mul(other, 5))
    loss.backward()
    assert hooks.take(passes[0])[0].item() == pytest.approx(5 * 6**0.5, rel=1e-12)


def test_what_needs_no_gradient_has_no_number():
    hooks, loss = run()
    assert not loss.requires_grad
    assert set(hooks.take(0)) == {2, 5}


def test_an_outer_count_sees_no_look():
    x = X.clone().requires_grad_()
    outer = SignalHooks((), lambda number: None)
    with outer:
        run(x=x)
    bare = SignalHooks((), lambda number: None)
    with bare:
        run((), x=x)
    assert outer.calls == bare.calls


def test_slices_of_what_repeats_a_value_belong_to_its_signal():
    a, b = (torch.full((2, n), 1.0 + n, dtype=torch.float64, requires_grad=True) for n in (3, 2))
    points = (
        Point(Place(1, "out"), "norm", (2, 3), "mul", (Slice(1, 1, 2),)),
        Point(Place(3, "out"), "norm", (2, 5), "cat"),
    )
    passes = []
    hooks = SignalHooks(points, passes.append)
    with hooks:
        one = torch.mul(a, 1.0)
        own = torch.sum(one)
        whole = torch.cat([b, a], 1)
        loss = own + torch.sum(torch.mul(whole, torch.arange(5)))
    hooks.finish()
    loss.backward()
    expected = (1 + torch.arange(2, 5, dtype=torch.float64)).repeat(2, 1).norm().item()
    assert hooks.take(passes[0])[0].item() == pytest.approx(expected, rel=1e-12)


def test_samples_have_their_own_norms_and_signals_are_shown():
    x, seen, passes = X.clone().requires_grad_(), {}, []
    points = [replace(POINTS[1], asks="norms", shape=None), replace(POINTS[3], asks="norms")]
    hooks, loss = run(points, x, passes.append, look=seen.__setitem__)
    loss.backward()
    found = hooks.take(passes[0])
    assert list(seen) == [1, 0]
    for index, signal in seen.items():
        assert torch.allclose(found[index], signal.norm(dim=1), rtol=1e-12)
