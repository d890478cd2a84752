"""Maps that are random, or that change what they hold, are refused, and all is put back."""

import random

import numpy as np
import pytest
import torch
from strategies import gaussian
from torch import nn
from torch.nn import functional

from derivations.algebra.blocks import block
from derivations.errors import InputError
from numeric import JacobianOperator, evaluate
from numeric.runs.watched_run import watched

X = gaussian(4, 3, seed=0, dtype=torch.float32)
RANDOM = {
    "dropout": lambda x: functional.dropout(x, 0.5),
    "rare dropout": lambda x: functional.dropout(x, 1e-9),
    "unused numbers": lambda x: x + 0 * torch.rand(()),
    "alpha dropout": lambda x: functional.alpha_dropout(x, 0.02, training=True),
    "rrelu": lambda x: functional.rrelu(x, training=True),
    "gumbel": functional.gumbel_softmax,
    "python": lambda x: x * random.random(),
    "numpy": lambda x: x * np.random.rand(),  # noqa: NPY002
}


@pytest.mark.parametrize("function", RANDOM.values(), ids=RANDOM)
def test_random_numbers_are_noticed_even_where_they_show_in_no_value(function):
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    for _ in range(5):
        with pytest.raises(InputError, match="f draws random numbers"), watched("f", function):
            function(X)
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert np.array_equal(states[2], np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("p", [0.02, 0.5])
@pytest.mark.parametrize("size", [(1, 1), (4, 3)])
def test_a_functional_dropout_is_refused_every_time(p, size):
    x = gaussian(*size, seed=0)
    for _ in range(10):
        with pytest.raises(InputError, match="the function draws random numbers"):
            JacobianOperator(lambda v: functional.dropout(v, p), x)
        with pytest.raises(InputError, match="leaf 'F' draws random numbers"):
            evaluate(
                block("residual").term,
                {"F": lambda v: functional.dropout(v, p)},
                x,
                x,
                spectra=False,
            )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_random_numbers_of_a_gpu_are_noticed():
    x = X.cuda()
    with pytest.raises(InputError, match="random"), watched("f", functional.dropout):
        functional.dropout(x, 0.02)


def hidden(part: nn.Module):
    parts = [part]
    return lambda x: 1 * parts[0](x)


class Listed(nn.Module):
    """Keeps a module where .modules() does not look."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.parts = [part]

    def forward(self, x):
        return self.parts[0](x)


@pytest.mark.parametrize("hide", [hidden, Listed])
def test_a_hidden_batch_norm_is_refused_before_its_statistics_move(hide):
    norm = nn.BatchNorm1d(3).double()
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    x = gaussian(4, 3, seed=0)
    with pytest.raises(InputError, match="leaf 'F' runs a BatchNorm1d that in training mode"):
        evaluate(block("residual").term, {"F": hide(norm)}, x, x)
    with pytest.raises(InputError, match="the function runs a BatchNorm1d that in training mode"):
        JacobianOperator(hide(norm), x)
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())
    JacobianOperator(hide(norm.eval()), x)


@pytest.mark.parametrize("hide", [hidden, Listed])
@pytest.mark.parametrize(
    "part",
    [
        nn.Dropout(0.1),
        nn.RReLU(),
        nn.AlphaDropout(0.1),
        nn.InstanceNorm1d(3, track_running_stats=True),
    ],
)
def test_a_hidden_module_in_a_mode_that_is_not_fixed_is_named(hide, part):
    with pytest.raises(InputError, match=f"runs a {type(part).__name__} that"):
        JacobianOperator(hide(part), gaussian(4, 3, 5, seed=0))


class Stateful(nn.Module):
    """Counts its calls in a buffer, as spectral norm and moving averages do."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return x


def test_a_changed_buffer_is_restored_and_refused():
    module = nn.Sequential(Stateful())
    with pytest.raises(InputError, match=r"changes its buffer '0\.calls'"), watched("f", module):
        module(X)
    assert module[0].calls == 0


def test_a_changed_buffer_is_restored_when_the_function_fails():
    module = Stateful()
    with pytest.raises(ZeroDivisionError), watched("f", module):
        module(X)
        raise ZeroDivisionError
    assert module.calls == 0


class Rebinding(Stateful):
    """Holds another tensor after each call."""

    def forward(self, x):
        self.calls = self.calls + 1
        return x


@pytest.mark.parametrize("kind", [Stateful, Rebinding])
@pytest.mark.parametrize("hide", [hidden, Listed, lambda part: part])
def test_a_buffer_of_any_module_that_runs_is_put_back(kind, hide):
    part = kind()
    buffer = part.calls
    with pytest.raises(InputError, match=r"changes its buffer '.*calls'"):
        JacobianOperator(hide(part), X)
    assert part.calls is buffer
    assert part.calls == 0


def test_what_ran_is_known_afterwards_and_no_hook_stays():
    part = nn.Linear(3, 3)
    with watched("f", Listed(part)) as watch:
        Listed(part)(X)
    assert part in watch.modules
    assert not torch.nn.modules.module._global_forward_pre_hooks
    assert not torch.nn.modules.module._global_forward_hooks
