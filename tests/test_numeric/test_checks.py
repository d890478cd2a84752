"""Inputs, outputs, vectors and modules that would give a silent wrong number are refused."""

import math

import pytest
import torch
from strategies import gaussian
from torch import nn

from derivations.errors import InputError
from numeric.checks import (
    as_module,
    check_default_device,
    check_dense,
    check_function,
    check_input,
    check_output,
    check_product,
    check_vector,
    described,
    is_dense,
    is_finite,
)

X = gaussian(4, 3, seed=0, dtype=torch.float32)
CPU = torch.device("cpu")


def with_entry(entry):
    x = X.clone()
    x[2, 1] = entry
    return x


BAD_INPUTS = [
    ([1.0, 2.0], "list: it must be one torch tensor"),
    (torch.tensor(1.0), r"shape \(\), not \(batch, ...\)"),
    (torch.ones(3), r"add a batch dimension with x.unsqueeze\(0\)"),
    (torch.ones(0, 3), r"\(0, 3\) is empty"),
    (torch.ones(3, 0), r"\(3, 0\) is empty"),
    (
        torch.ones(2, 3, dtype=torch.int64),
        "torch.int64: it must be a dense float32 or float64 tensor",
    ),
    (torch.ones(2, 3, dtype=torch.bool), "torch.bool"),
    (torch.ones(2, 3, dtype=torch.complex64), "torch.complex64"),
    (torch.ones(2, 3, dtype=torch.float16), r"torch.float16, too coarse .* \.float\(\)"),
    (torch.ones(2, 3, dtype=torch.bfloat16), r"torch.bfloat16, too coarse .* \.float\(\)"),
    (torch.ones(2, 3).to_sparse(), "dense"),
    (with_entry(math.nan), "not finite"),
    (with_entry(math.inf), "not finite"),
    (with_entry(-math.inf), "not finite"),
]


@pytest.mark.parametrize(("x", "message"), BAD_INPUTS)
def test_bad_inputs_are_refused_in_one_line(x, message):
    with pytest.raises(InputError, match=message) as refusal:
        check_input(x)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "x", [X, X.double(), X[:1], X[:, :1], X.T, torch.zeros(1, 1), torch.full((1, 2), 3e38)]
)
def test_good_inputs_pass(x):
    check_input(x)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((X, X), "tuple"),
        (X.sum(), r"a batch of 4 to shape \(\)"),
        (X[:2], r"a batch of 4 to shape \(2, 3\)"),
        (X[:, :0], "empty"),
        (X.double(), "float32 on cpu to torch.float64"),
        (X.half(), "too coarse"),
        (X.long(), "torch.int64"),
        (X.to("meta"), "meta device"),
        (with_entry(math.nan), "output has entries that are not finite"),
    ],
)
def test_bad_outputs_are_refused(value, message):
    with pytest.raises(InputError, match=message):
        check_output(value, X)


@pytest.mark.parametrize("value", [X, X[:, 0], X[:, :, None]])
def test_good_outputs_pass(value):
    check_output(value, X)


@pytest.mark.parametrize(
    ("v", "message"),
    [
        (X[:1], r"shape \(1, 3\): the operator takes \(4, 3\)"),
        (X[:, :1], r"\(4, 1\)"),
        (X[:, :, None], r"\(4, 3, 1\)"),
        (X.double(), "convert it to the operator's torch.float32"),
        (X.long(), "torch.int64"),
        (with_entry(math.nan), "not finite"),
        (None, "NoneType"),
    ],
)
def test_bad_vectors_are_refused(v, message):
    with pytest.raises(InputError, match=message):
        check_vector(v, (4, 3), torch.float32, CPU)


BAD_MODULES = [
    (nn.BatchNorm1d(3), "BatchNorm1d in training mode makes samples depend on each other"),
    (
        nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.BatchNorm1d(3))),
        "BatchNorm1d '1.0' in training mode",
    ),
    (nn.BatchNorm2d(3), "call model.eval"),
    (nn.SyncBatchNorm(3), "SyncBatchNorm in training mode"),
    (nn.BatchNorm1d(3, track_running_stats=False).eval(), "keeps no running statistics"),
    (nn.InstanceNorm1d(3, track_running_stats=True), "updates its running statistics"),
    (nn.Dropout(0.5), "Dropout in training mode is random"),
    (nn.Dropout2d(0.1), "random"),
    (nn.AlphaDropout(0.1), "random"),
    (nn.RReLU(), "RReLU in training mode is random"),
    (nn.MultiheadAttention(4, 2, dropout=0.1), "dropout in training mode is random"),
    (nn.LSTM(3, 3, num_layers=2, dropout=0.1), "dropout in training mode is random"),
    (nn.LazyLinear(3), "not initialized: run the model once"),
    (
        nn.Linear(3, 3).double(),
        "weight 'weight' is torch.float64 on cpu, the input torch.float32 on cpu",
    ),
    (nn.Linear(3, 3).half(), "torch.float16"),
    (nn.Linear(3, 3, device="meta"), "meta"),
    (nn.BatchNorm1d(3).forward, "BatchNorm1d in training mode"),
]


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize(
    ("function", "message"),
    BAD_MODULES,
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_bad_modules_are_refused_and_named(function, message):
    with pytest.raises(InputError, match=message):
        check_function(function, X)


@pytest.mark.parametrize(
    "function",
    [
        nn.BatchNorm1d(3).eval(),
        nn.InstanceNorm1d(3),
        nn.InstanceNorm1d(3, track_running_stats=True).eval(),
        nn.Dropout(0.0),
        nn.Dropout(0.5).eval(),
        nn.RReLU().eval(),
        nn.GroupNorm(3, 3),
        nn.LayerNorm(3),
        nn.LSTM(3, 3),
        nn.Linear(3, 3).forward,
        torch.tanh,
        lambda x: x,
    ],
)
def test_good_functions_pass(function):
    check_function(function, X)


def test_as_module_finds_modules_and_their_methods_only():
    layer = nn.Linear(1, 1)
    assert as_module(layer) is layer
    assert as_module(layer.forward) is layer
    assert as_module(torch.tanh) is None
    assert as_module("text".join) is None


def test_a_refusal_says_what_the_function_is_called():
    with pytest.raises(InputError, match=r"leaf 'F': Dropout '1' in training mode is random"):
        check_function(nn.Sequential(nn.Linear(3, 3), nn.Dropout()), X, "leaf 'F'")


@pytest.mark.parametrize(("dtype", "advised"), [(torch.float32, True), (torch.float64, False)])
def test_float64_is_advised_where_it_is_not_yet_used(dtype, advised):
    with pytest.raises(InputError, match="beyond the range") as refusal:
        check_product(torch.tensor([math.inf], dtype=dtype))
    assert ("use float64" in str(refusal.value)) == advised


def test_a_default_device_without_numbers_is_refused():
    check_default_device()
    torch.set_default_device("meta")
    try:
        with pytest.raises(InputError, match=r"torch.set_default_device\(None\)"):
            check_default_device()
    finally:
        torch.set_default_device(None)


def test_what_is_not_dense_is_described_by_its_kind():
    sparse = X.to_sparse()
    assert is_dense(X.mT)
    assert not is_dense(sparse)
    assert described(sparse) == "a sparse_coo tensor"
    assert described(X) == "(4, 3) of torch.float32 on cpu"
    assert described([1]) == "list"
    with pytest.raises(InputError, match="the signal is a sparse_coo tensor: give a dense one"):
        check_dense(sparse, "the signal")


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_one_entry_that_is_not_finite_is_found(bad):
    for kind in (torch.float16, torch.float32, torch.float64, torch.complex64):
        v = torch.ones(3, 50, dtype=kind)
        assert is_finite(v)
        v[1, 7] = bad
        assert not is_finite(v)
    assert not is_finite(torch.tensor([torch.inf, -torch.inf]))


def test_entries_are_finite_whose_sum_is_not():
    assert is_finite(torch.full((4, 4), 3e38))
    assert is_finite(torch.full((4, 4), 6e4, dtype=torch.float16))
    assert is_finite(torch.zeros(0))
    assert is_finite(torch.arange(3))
