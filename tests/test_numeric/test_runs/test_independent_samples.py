"""Maps that give a sample another value when any other sample changes are refused."""

from math import ceil, log2

import pytest
import torch
from strategies import gaussian
from torch import nn

from derivations.algebra.blocks import block
from derivations.errors import InputError
from numeric import JacobianOperator, evaluate, frobenius
from numeric.runs.independent_samples import (
    check_batch_independence,
    check_samples,
    others_replaced,
    quiet,
)

X = gaussian(4, 3, seed=0, dtype=torch.float32)
BATCHES = (1, 2, 3, 4, 5, 8, 20, 33)


@pytest.mark.parametrize("batch", BATCHES)
def test_every_sample_is_kept_while_each_other_one_is_replaced(batch):
    x = gaussian(batch, 2, 3, seed=batch)
    pairs, turns = torch.eye(batch, dtype=torch.bool), 0
    for other, kept in others_replaced(x):
        assert torch.equal(other[kept], x[kept])
        assert (other[~kept] != x[~kept]).all()
        pairs |= kept[:, None] & ~kept[None]
        turns += 1
    assert pairs.all()
    assert turns <= max(1, 2 * ceil(log2(batch)))


@pytest.mark.parametrize(
    "x", [torch.zeros(4, 3), torch.full((4, 3), -2.0), torch.ones(4, 3).relu(), X.relu(), X * 1e38]
)
def test_what_replaces_a_sample_differs_and_stays_between_the_ends(x):
    for other, kept in others_replaced(x):
        assert (other[~kept] != x[~kept]).all()
        assert other.isfinite().all()
        if x.min() < x.max():
            assert x.min() <= other.min()
            assert other.max() <= x.max()


def depends_on(source: int, target: int):
    """A map in which one sample's value takes a little of another's."""

    def function(x):
        out = 2 * x
        out[target] = out[target] + 1e-3 * x[source].sum()
        return out

    return function


@pytest.mark.parametrize("batch", [2, 3, 4, 7, 9])
def test_a_single_pair_that_is_coupled_is_noticed(batch):
    x = gaussian(batch, 3, seed=1)
    for source in range(batch):
        for target in set(range(batch)) - {source}:
            function = depends_on(source, target)
            with pytest.raises(InputError, match="depends on the other samples"):
                check_samples("f", lambda v, f=function: [f(v)], x, [function(x)])


def test_a_small_sample_is_held_to_its_own_size():
    x = gaussian(3, 2, seed=1) * torch.tensor([[1.0], [1e-160], [1.0]], dtype=torch.float64)
    function = lambda v: torch.cat([v[:1], v[1:2] * (1 + v[:1].abs()), v[2:]])  # noqa: E731
    with pytest.raises(InputError, match="depends on the other samples"):
        check_samples("f", lambda v: [function(v)], x, [function(x)])


class TimeFirst(nn.Module):
    """An LSTM that takes the first dimension for time."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 3).double()

    def forward(self, x):
        return self.lstm(x)[0]


def test_an_lstm_that_takes_samples_for_time_is_refused_without_any_spectra():
    x = gaussian(4, 5, 3, seed=0)
    with pytest.raises(InputError, match="leaf 'F' gives a sample a value that depends"):
        evaluate(block("residual").term, {"F": TimeFirst()}, x, x, spectra=False)


@pytest.mark.parametrize("function", [lambda x: x.cumsum(0), lambda x: x - x.amax(0), TimeFirst()])
def test_no_norm_is_given_of_what_mixes_samples(function):
    with pytest.raises(InputError, match="depends on the other samples"):
        frobenius(JacobianOperator(function, gaussian(3, 2, 3, seed=0)))


@pytest.mark.parametrize("batch", BATCHES)
def test_checking_costs_few_passes(batch):
    calls = []
    JacobianOperator(lambda x: calls.append(1) or x.tanh(), gaussian(batch, 3, seed=0))
    assert len(calls) <= 1 + max(1, 2 * ceil(log2(batch)))


def test_random_numbers_of_a_generator_of_its_own_are_noticed():
    own = torch.Generator().manual_seed(0)
    for x in (X[:1], X):
        with pytest.raises(InputError, match="changes from call to call"):
            JacobianOperator(lambda v: v * torch.rand(3, generator=own), x)


def test_hooks_are_silent_where_they_change_nothing():
    layer, fired = nn.Linear(3, 3), []
    layer.register_forward_hook(lambda *_: fired.append(1))
    with torch.no_grad():
        value = layer(X)
        without_hooks = quiet([layer], lambda v: [layer(v)], X, [value])
        fired.clear()
        with without_hooks():
            layer(X)
    assert fired == []


@pytest.mark.parametrize("hook", [lambda *_: X, lambda m, a, out: out.reshape(2, 6)])
def test_hooks_that_change_the_value_belong_to_the_map(hook):
    layer = nn.Linear(3, 3)
    layer.register_forward_hook(hook)
    with torch.no_grad():
        value = layer(X)
        with quiet([layer], lambda v: [layer(v)], X, [value])():
            assert torch.equal(layer(X), value)


def center(x):
    return x - x.mean(0)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (center, "samples depend on each other"),
        (lambda x: x + torch.arange(len(x))[:, None], "samples depend on each other"),
        (lambda x: x.reshape(len(x), -1)[:, : len(x)], "together to"),
        (nn.BatchNorm1d(3), "call model.eval"),
        (lambda x: x / len(x), "samples depend on each other"),
    ],
)
def test_functions_that_mix_samples_are_refused(function, message):
    with pytest.raises(InputError, match=message):
        check_batch_independence(function, X)


@pytest.mark.parametrize(
    "function",
    [
        nn.Linear(3, 2),
        nn.BatchNorm1d(3).eval(),
        nn.LayerNorm(3),
        torch.zeros_like,
        lambda x: x.softmax(1),
        nn.ReLU(inplace=True),
    ],
)
def test_functions_of_each_sample_pass_and_leave_x_alone(function):
    x = X.clone()
    check_batch_independence(function, x)
    assert torch.equal(x, X)
