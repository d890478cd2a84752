"""Tests the inputs: what is drawn follows from the request, and what came along is kept."""

import pytest
import torch
from torch import nn

from derivations.errors import InputError
from validate.targets.example_inputs import (
    InputRequest,
    as_arguments,
    cast,
    check_whole,
    own_input_size,
    placed,
)

CPU = torch.device("cpu")


def test_inputs_are_standard_normal():
    x = InputRequest(input_size=(100, 10), batch=100).draw((7,))
    assert x.shape == (100, 100, 10)
    assert x.dtype == torch.float64
    assert abs(x.mean().item()) < 0.01
    assert x.std().item() == pytest.approx(1, abs=0.01)


def test_a_size_of_the_model_serves_where_none_is_asked_for():
    assert InputRequest(batch=2).draw((7, 3)).shape == (2, 7, 3)
    assert InputRequest(input_size=(5,)).draw((7, 3)).shape == (4, 5)


def test_the_seed_alone_decides():
    state = torch.random.get_rng_state()
    first = InputRequest(seed=3).draw((9,))
    with torch.device("meta"):
        again = InputRequest(seed=3).draw((9,))
    assert torch.equal(first, again)
    assert not torch.equal(first, InputRequest(seed=4).draw((9,)))
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inputs_do_not_repeat_the_weights_of_their_seed(seed, dtype):
    """Negative control: the generator of the seed itself would."""
    drawn = InputRequest(input_size=(1000,), batch=1, seed=seed).draw(())[0]
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(1000, generator=generator, dtype=dtype).double()
    assert abs(torch.corrcoef(torch.stack((drawn, weights)))[0, 1]) < 0.15
    same = torch.randn(1000, generator=torch.Generator().manual_seed(seed), dtype=dtype).double()
    assert torch.corrcoef(torch.stack((same, weights)))[0, 1] > 0.99


def test_what_is_explicit_is_named():
    assert InputRequest().explicit == ""
    assert InputRequest(input_size=(3,)).explicit == "--input-size"
    assert InputRequest(tokens=3, vocab=2).explicit == "--tokens"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"input_size": ()}, "--input-size is [(][)]: write the shape of one sample"),
        ({"input_size": [3, 8, 8]}, "write the shape of one sample, such as 3,224,224"),
        ({"input_size": (3, 0, 8)}, "--input-size is 0: it must be an integer of at least 1"),
        ({"input_size": (3, 8.0, 8)}, "--input-size is 8.0"),
        ({"tokens": 3}, "--tokens and --vocab go together"),
        ({"vocab": 3}, "--tokens and --vocab go together"),
        ({"tokens": 0, "vocab": 3}, "--tokens is 0"),
        ({"tokens": 3, "vocab": -1}, "--vocab is -1"),
        ({"tokens": 3, "vocab": 2, "input_size": (3,)}, "exclude each other"),
        ({"batch": True}, "--batch is True"),
        ({"seed": -1}, "--seed is -1: it must be an integer of at least 0"),
        ({"seed": 2**32}, "--seed is 4294967296: it must be below 4294967296"),
    ],
)
def test_impossible_requests_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        InputRequest(**options)


def test_whole_numbers_pass():
    check_whole("--batch", 1)
    check_whole("--seed", 0, 0)
    check_whole("--batch", torch.Size([3])[0])


def test_the_stated_size_of_a_model():
    model = nn.Identity()
    assert own_input_size(model) is None
    model.default_cfg = {"input_size": [3, 32, 32]}
    assert own_input_size(model) == (3, 32, 32)
    model.default_cfg = {}
    assert own_input_size(model) is None


def test_arguments_are_positional_or_by_name():
    x = torch.ones(2)
    assert as_arguments(x, "it") == ((x,), {})
    assert as_arguments((x, 3), "it") == ((x, 3), {})
    assert as_arguments({"x": [x], "y": 3}, "it") == ((), {"x": [x], "y": 3})


@pytest.mark.parametrize("inputs", [(), {}, (3,), {"x": ["y"]}])
def test_arguments_without_a_tensor_are_refused(inputs):
    with pytest.raises(InputError, match="it gives example inputs without a tensor"):
        as_arguments(inputs, "it")


@pytest.mark.parametrize("inputs", [[torch.ones(2)], {1: torch.ones(2)}, "x", 3])
def test_other_arguments_are_refused(inputs):
    with pytest.raises(
        InputError, match=f"it gives example inputs of type {type(inputs).__name__}"
    ):
        as_arguments(inputs, "it")


def test_tensors_are_placed_however_deep_they_lie():
    x = torch.ones(2, requires_grad=True)
    value = {"a": [2 * x, (torch.tensor(3), "b")], "c": torch.tensor(1j)}
    new = placed(value, CPU, torch.float64)
    assert new["a"][0].dtype == torch.float64
    assert not new["a"][0].requires_grad
    assert new["a"][1][0].dtype == torch.int64
    assert new["a"][1][1] == "b"
    assert new["c"].dtype == torch.complex64


def test_a_cast_is_for_floating_point_alone():
    assert cast(torch.ones(2), CPU, torch.float16).dtype == torch.float16
    assert cast(torch.ones(2, dtype=torch.bool), None, torch.float16).dtype == torch.bool
