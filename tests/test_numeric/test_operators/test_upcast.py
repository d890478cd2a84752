"""Half precision: the numbers are those of the model converted by hand, which stays as it is."""

import copy
import warnings

import pytest
import torch
from cases import layers
from strategies import gaussian
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from derivations.algebra.blocks import block
from derivations.errors import InputError
from numeric import JacobianOperator, PrecisionWarning, evaluate, sigma_max
from numeric.operators.upcast import block_in_single, in_single

HALVES = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
X = gaussian(3, 4, 6, 6, seed=1, dtype=torch.float32)


def tied() -> nn.Module:
    """Two layers that share their weight."""
    first, second = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
    second.weight = first.weight
    return nn.Sequential(first, nn.Tanh(), second)


def trained() -> nn.Module:
    norm = nn.BatchNorm2d(4)
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(0.5, 2)
    return nn.Sequential(
        nn.Conv2d(4, 4, 3, bias=False), norm, nn.ReLU(inplace=True), nn.MaxPool2d(2)
    )


MODULES = {
    "BatchNorm": trained,
    "tied weights": tied,
    "spectral norm": lambda: spectral_norm(nn.Conv2d(4, 3, 3)),
    "attention": lambda: nn.Sequential(
        nn.Flatten(2), nn.TransformerEncoderLayer(36, 2, 8, batch_first=True)
    ),
    "no weights": nn.Hardswish,
}


def half_module(name: str, dtype: torch.dtype) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MODULES[name]().to(dtype).eval()


def products(operator: JacobianOperator) -> tuple[Tensor, ...]:
    v = gaussian(operator.batch, *operator.in_shape, seed=2, dtype=torch.float32)
    u = gaussian(operator.batch, *operator.out_shape, seed=3, dtype=torch.float32)
    return operator.value, operator.push(v), operator.pull(u)


@HALVES
@pytest.mark.parametrize("name", MODULES)
def test_the_numbers_are_those_of_the_model_converted_by_hand(name, dtype):
    module = half_module(name, dtype)
    models = "" if name == "no weights" else ", and 1 model with upcast copies of the weights"
    with pytest.warns(PrecisionWarning, match=f"{dtype}: evaluated in float32{models}$"):
        operator = JacobianOperator(module, X.to(dtype))
    assert operator.dtype == torch.float32
    by_hand = JacobianOperator(copy.deepcopy(module).float(), X.to(dtype).float())
    for ours, theirs in zip(products(operator), products(by_hand), strict=True):
        assert torch.equal(ours, theirs)


@HALVES
def test_the_model_keeps_its_weights_their_dtype_and_their_gradients(dtype):
    module = half_module("BatchNorm", dtype)
    module[0].weight.requires_grad_(False)
    module[1].weight.grad = torch.ones(4, dtype=dtype)
    kept = {
        name: (id(tensor), tensor.detach().clone())
        for name, tensor in module.state_dict(keep_vars=True).items()
    }
    with pytest.warns(PrecisionWarning):
        operator = JacobianOperator(module, X.to(dtype))
    products(operator)
    for name, tensor in module.state_dict(keep_vars=True).items():
        assert (id(tensor), tensor.dtype) == (kept[name][0], kept[name][1].dtype), name
        assert torch.equal(tensor, kept[name][1]), name
    assert not module[0].weight.requires_grad
    assert torch.equal(module[1].weight.grad, torch.ones(4, dtype=dtype))
    assert module[1].bias.grad is None


@HALVES
def test_a_plain_function_gets_the_float32_input(dtype):
    x = gaussian(2, 3, seed=0).to(dtype)
    seen = []
    with pytest.warns(PrecisionWarning) as caught:
        operator = JacobianOperator(lambda z: seen.append(z.dtype) or z.tanh(), x)
    assert set(seen) == {torch.float32}
    assert len(caught) == 1
    assert "models" not in str(caught[0].message)
    assert caught[0].filename == __file__
    assert torch.equal(operator.value, x.float().tanh())


def test_spectra_follow():
    x = gaussian(2, 4, seed=0).bfloat16()
    layer = nn.Linear(4, 4).bfloat16()
    with pytest.warns(PrecisionWarning):
        found = sigma_max(JacobianOperator(layer, x))
    expected = torch.linalg.matrix_norm(layer.weight.detach().double(), 2)
    assert ((found.low <= expected) & (expected <= found.high)).all()


@HALVES
@pytest.mark.parametrize("name", ["residual", "se_residual", "dense"])
def test_blocks_are_evaluated_as_if_converted_by_hand_with_one_warning(name, dtype):
    term, leaves = block(name).term, {key: layer.to(dtype) for key, layer in layers().items()}
    x = gaussian(2, 4, 3, 3, seed=1).to(dtype)
    g = gaussian(2, 8 if name == "dense" else 4, 3, 3, seed=2).to(dtype)
    with pytest.warns(PrecisionWarning) as caught:
        ours = evaluate(term, leaves, x, g, steps=4)
    assert [word.filename for word in caught] == [__file__]
    by_hand = evaluate(
        term,
        {key: copy.deepcopy(leaf).float() for key, leaf in leaves.items()},
        x.float(),
        g.float(),
        steps=4,
    )
    assert torch.equal(ours.pullback, by_hand.pullback)
    for one, other in zip(ours.bounds, by_hand.bounds, strict=True):
        assert torch.equal(one.value, other.value), one.id


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.int64, torch.complex64], ids=str
)
def test_everything_else_passes_as_it_is_without_a_word(dtype):
    layer, x = nn.Linear(3, 3), torch.ones(2, 3).to(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        function, same = in_single(layer, x)
        leaves, tensors = block_in_single({"F": layer}, x, x)
    assert (function, same, leaves["F"]) == (layer, x, layer) or (
        function is layer and same is x and leaves["F"] is layer
    )
    assert all(tensor is x for tensor in tensors)


class Counter(nn.Module):
    """Counts its calls in an integer buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x * self.weight


class Fixed(nn.Module):
    """Holds a half-precision constant that is no buffer, so that nothing can convert it."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = torch.eye(3).bfloat16()

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.matrix


def mixed() -> nn.Module:
    model = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3)).bfloat16()
    model[1].float()
    return model


def diverged() -> nn.Module:
    layer = nn.Linear(3, 3).bfloat16()
    with torch.no_grad():
        layer.weight[0, 0] = torch.nan
    return layer


REFUSED = {
    "bound method": (
        nn.Linear(3, 3).bfloat16().forward,
        r"Linear\.forward belongs to a Linear of torch\.bfloat16: pass the module",
    ),
    "float32 weights": (
        nn.Linear(3, 3),
        r"weight 'weight' is torch\.float32 .*, the input torch\.bfloat16",
    ),
    "mixed weights": (mixed(), r"weight '1\.weight' is torch\.float32"),
    "another half": (nn.Linear(3, 3).half(), r"torch\.float16 .*, the input torch\.bfloat16"),
    "training mode": (nn.BatchNorm1d(3).bfloat16(), r"call model\.eval\(\)"),
    "not finite": (diverged(), "weight 'weight' has entries that are not finite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_converted_is_refused_without_a_warning(name):
    function, message = REFUSED[name]
    with pytest.raises(InputError, match=message):
        JacobianOperator(function, torch.ones(2, 3, dtype=torch.bfloat16))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (Counter().bfloat16(), "changes its buffer 'calls'"),
        (Fixed(), "the function cannot be evaluated"),
        (lambda x: x @ torch.eye(3).bfloat16(), "the function cannot be evaluated"),
        (lambda x: x.bfloat16(), "bfloat16"),
    ],
    ids=["state", "constant", "closure", "half output"],
)
def test_what_turns_out_not_to_be_a_function_of_float32_is_refused(function, message):
    with pytest.warns(PrecisionWarning), pytest.raises(InputError, match=message):
        JacobianOperator(function, torch.ones(2, 3, dtype=torch.bfloat16))
    assert not isinstance(function, Counter) or function.calls == 0


@HALVES
@pytest.mark.parametrize("entry", [torch.nan, torch.inf, -torch.inf])
def test_an_input_that_is_not_finite_is_refused_all_the_same(dtype, entry):
    x = torch.ones(2, 3, dtype=dtype)
    x[0, 0] = entry
    with pytest.warns(PrecisionWarning), pytest.raises(InputError, match="not finite"):
        JacobianOperator(torch.tanh, x)
