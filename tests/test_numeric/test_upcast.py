import copy

import pytest
import torch
from strategies import gaussian
from torch import nn

from derivations.architectures import block
from derivations.errors import InputError
from numeric import JacobianOperator, PrecisionWarning, evaluate

HALVES = [torch.bfloat16, torch.float16]


def model() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(inplace=True)).eval()


def image(dtype: torch.dtype, seed: int = 1) -> torch.Tensor:
    return gaussian(3, 2, 4, 4, seed=seed, dtype=torch.float32).to(dtype)


@pytest.mark.parametrize("dtype", HALVES)
def test_half_precision_is_evaluated_in_single_with_a_word(dtype):
    """The numbers are those of the model that a user converts with .float()."""
    half = model().to(dtype)
    single = copy.deepcopy(half).float()
    with pytest.warns(PrecisionWarning, match=f"{dtype}: evaluated in float32, and 1 model with upcast copies"):
        found = JacobianOperator(half, image(dtype))
    twin = JacobianOperator(single, image(dtype).float())
    v, u = image(torch.float32, seed=2), image(torch.float32, seed=3)
    assert found.dtype == torch.float32
    for one, other in ((found.value, twin.value), (found.push(v), twin.push(v)), (found.pull(u), twin.pull(u))):
        assert torch.equal(one, other)


@pytest.mark.parametrize("dtype", HALVES)
def test_a_block_of_half_precision_is_evaluated_in_single_with_one_word(dtype):
    half = model().to(dtype)
    term = block("residual").term
    with pytest.warns(PrecisionWarning) as words:
        found = evaluate(term, {"F": half}, image(dtype), image(dtype, seed=2))
    twin = evaluate(term, {"F": copy.deepcopy(half).float()}, image(dtype).float(), image(dtype, seed=2).float())
    assert len(words) == 1
    assert torch.equal(found.gain, twin.gain)
    assert all(torch.equal(one.value, other.value) for one, other in zip(found.bounds, twin.bounds, strict=True))


def test_the_model_stays_in_half_precision():
    half = model().bfloat16()
    before = copy.deepcopy(half.state_dict())
    with pytest.warns(PrecisionWarning):
        JacobianOperator(half, image(torch.bfloat16)).push(image(torch.float32))
    assert {name: value.dtype for name, value in half.state_dict().items()} == {name: value.dtype for name, value in before.items()}
    assert all(torch.equal(value, before[name]) for name, value in half.state_dict().items())


def test_a_plain_function_gets_the_upcast_input():
    with pytest.warns(PrecisionWarning, match=r"float32$"):
        assert JacobianOperator(torch.tanh, image(torch.bfloat16)).value.dtype == torch.float32


def test_single_precision_is_taken_without_a_word(recwarn):
    JacobianOperator(model(), image(torch.float32))
    assert not recwarn.list


@pytest.mark.filterwarnings("ignore::numeric.upcast.PrecisionWarning")
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (model(), "weight '0.weight' is torch.float32"),
        (model().bfloat16().forward, "pass the module itself"),
        (model().bfloat16().train(), r"model.eval\(\)"),
    ],
)
def test_what_cannot_be_upcast_is_refused(function, message):
    with pytest.raises(InputError, match=message):
        JacobianOperator(function, image(torch.bfloat16))
