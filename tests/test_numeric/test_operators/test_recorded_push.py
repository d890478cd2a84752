"""The push along recorded steps: where it is taken, where it must not be, and what it keeps."""

import pytest
import torch
from operator_harness import assert_adjoint
from strategies import gaussian
from torch import Tensor, nn
from twins import dense_twin

from derivations.errors import InputError
from numeric.operators import recorded_steps
from numeric.operators.jacobian_operator import JacobianOperator
from numeric.operators.recorded_push import recorded_push


def block() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            *(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4).eval(), nn.ReLU(inplace=True)),
            *(nn.Conv2d(4, 3, 1), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(27, 5)),
        ).double()


X = gaussian(3, 4, 6, 6, seed=0)


def test_it_is_taken_for_a_usual_block_and_lets_the_second_graph_go():
    operator = JacobianOperator(block(), X)
    v, u = gaussian(3, 4, 6, 6, seed=1), gaussian(3, 5, seed=2)
    pushed = operator.push(v)
    assert operator._recorded is not None
    assert "_transpose" not in vars(operator)
    torch.testing.assert_close(pushed, operator._push_twice(v), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close((pushed * u).sum(), (operator.pull(u) * v).sum())


@pytest.mark.parametrize("error", [2.0, 1 + 1e-8, float("nan")])
@pytest.mark.parametrize("entries", [slice(None), (1, 2, 3, 4)], ids=["all", "one"])
def test_a_wrong_rule_is_noticed_though_it_be_wrong_in_one_entry(monkeypatch, error, entries):
    right = recorded_steps._RULES["ConvolutionBackward0"]

    def wrong(step):  # type: ignore[no-untyped-def]
        push = right(step)

        def off(t):  # type: ignore[no-untyped-def]
            found = push(t).clone()
            found[entries] *= error
            return found

        return off

    monkeypatch.setitem(recorded_steps._RULES, "ConvolutionBackward0", wrong)
    module = nn.Conv2d(4, 4, 3, padding=1).double()
    operator = JacobianOperator(module, X)
    assert_adjoint(operator)
    assert operator._recorded is None
    monkeypatch.undo()
    assert JacobianOperator(module, X).push(X).equal(operator.push(X))


def test_a_rule_that_fails_is_no_rule(monkeypatch):
    def failing(step):  # type: ignore[no-untyped-def]
        return lambda t: t[0].view(7)

    monkeypatch.setitem(recorded_steps._RULES, "TanhBackward0", failing)
    operator = JacobianOperator(torch.tanh, X)
    assert_adjoint(operator)
    assert operator._recorded is None


class Straight(torch.autograd.Function):
    """A sign whose derivative passes straight through."""

    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def]
        return x.sign()

    @staticmethod
    def backward(ctx, g):  # type: ignore[no-untyped-def]
        return g


def through_a_hook(x: Tensor) -> Tensor:
    y = x.tanh()
    if y.requires_grad:
        y.register_hook(lambda g: 3 * g)
    return y * x


def into_a_slice(x: Tensor) -> Tensor:
    y = x + 1
    y[:, 0] = 2 * x[:, 1]
    return y


def checkpointed(x: Tensor) -> Tensor:
    return torch.utils.checkpoint.checkpoint(torch.tanh, x, use_reentrant=False)


@pytest.mark.parametrize(
    ("function", "taken"),
    [
        (Straight.apply, False),
        (through_a_hook, False),
        (into_a_slice, False),
        (checkpointed, True),
        (lambda x: nn.functional.silu(x.mul_(2), inplace=True), True),
        (lambda x: x + x.detach() * x, True),
    ],
    ids=["custom", "hook", "slice", "checkpoint", "in place", "detached"],
)
def test_what_autograd_does_otherwise_is_pushed_as_it_is_pulled(function, taken):
    operator = JacobianOperator(function, gaussian(2, 3, seed=0))
    assert_adjoint(operator)
    assert (operator._recorded is not None) == taken


def test_tangents_go_when_they_are_done_with():
    source = gaussian(2, 3, seed=0).requires_grad_()
    output = source
    for _ in range(20):
        output = output + output.tanh()
    recorded = recorded_push(output, source)
    alive = most = 0
    for each in recorded._passes:
        alive += 1 - len(each.spent)
        most = max(most, alive)
    assert alive == 0  # the source's goes, the result's stays
    assert most <= 2


def unseen(module: nn.Module) -> None:
    """Changes that move no version counter: statistics in train mode, numbers behind `.data`."""
    module[1].train()(5 + X)
    module.eval()
    module[3].weight.data *= 2


@pytest.mark.parametrize("change", [unseen, lambda module: module[0].weight.data.zero_()])
def test_changes_that_nobody_sees_leave_one_jacobian(change):
    """That of push and pull may be another than before, but it is the same of both."""
    module = block()
    operator = JacobianOperator(module, X)
    before = operator.push(X)
    change(module)
    assert operator._recorded is not None
    assert not operator.push(X).allclose(before)
    assert_adjoint(operator)


@pytest.mark.parametrize("reduce", ["mean", "sum"])
@pytest.mark.parametrize("dims", [(), None])
def test_all_dimensions_reduced_by_naming_none(reduce, dims):
    """Beside it what is so much larger that an error of it would drown."""
    function = lambda x: torch.cat([1e15 * x, getattr(x, reduce)(dims, keepdim=True)], 1)  # noqa: E731
    operator = JacobianOperator(function, gaussian(1, 5, seed=0))
    pushed = operator.push(torch.ones(1, 5, dtype=torch.float64))[0, 5]
    assert pushed == pytest.approx(1.0 if reduce == "mean" else 5.0)


def test_an_operator_whose_weights_were_changed_pushes_no_more():
    module = block()
    operator = JacobianOperator(module, X)
    operator.push(X)
    with torch.no_grad():
        module[3].weight += 1
    with pytest.raises(InputError, match="modified by an inplace operation"):
        operator.push(X)


def test_a_deep_function_is_walked_without_recursion():
    source = gaussian(2, 3, seed=0).requires_grad_()
    output = source
    for _ in range(3000):
        output = output + 1
    assert recorded_push(output, source)(X[:2, 0, 0, :3]).equal(X[:2, 0, 0, :3])


def test_paths_that_meet_again_are_each_walked_once():
    function = lambda x: [x := x + x.tanh() for _ in range(60)][-1]  # noqa: E731
    operator = JacobianOperator(function, gaussian(2, 3, seed=0))
    assert_adjoint(operator)
    small = lambda x: [x := x + x.tanh() for _ in range(3)][-1]  # noqa: E731
    expected = dense_twin.jacobian(small, gaussian(2, 3, seed=0))
    found = JacobianOperator(small, gaussian(2, 3, seed=0))
    columns = [found.push(row.expand(2, 3)) for row in torch.eye(3, dtype=torch.float64)]
    torch.testing.assert_close(torch.stack(columns, 2), expected)


def test_within_a_backward_pass_where_a_step_cannot_be_asked_alone():
    """There autograd answers only for what that pass wants."""
    found = []

    def hook(_: Tensor) -> None:
        found.append(JacobianOperator(block(), X).push(gaussian(3, 4, 6, 6, seed=1)))

    x = torch.ones(2, requires_grad=True)
    x.register_hook(hook)
    (x * x).sum().backward()
    expected = JacobianOperator(block(), X).push(gaussian(3, 4, 6, 6, seed=1))
    torch.testing.assert_close(found[0], expected, rtol=1e-12, atol=1e-12)
