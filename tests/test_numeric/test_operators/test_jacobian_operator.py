"""Jacobians of drawn blocks and of torch modules, against autograd row by row, and refusals."""

import copy
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_harness import (
    BATCH,
    IMAGE,
    Case,
    assert_adjoint,
    assert_agrees_with_its_matrices,
    assert_equals_matrices,
    assert_samples_are_treated_alone,
    random_vectors,
)
from strategies import DrawnBlock, drawn_blocks, gaussian
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from twins import dense_twin

from derivations.algebra.terms import Layer
from derivations.errors import InputError
from numeric.operators.hutchinson import frobenius
from numeric.operators.jacobian_operator import JacobianOperator
from numeric.operators.spectra import sigma_max
from numeric.operators.vector_norms import norm
from numeric.tolerances import tolerances


@settings(max_examples=200)
@given(drawn_blocks(), st.integers(0, 2**16))
def test_jacobians_of_drawn_blocks_are_adjoint(block, seed):
    assert_adjoint(JacobianOperator(block.module, block.x), seed)


@given(drawn_blocks())
def test_jacobians_of_drawn_blocks_agree_with_the_dense_twin(block):
    assert_equals_matrices(
        JacobianOperator(block.module, block.x),
        dense_twin.jacobian(block.module, block.x),
        reach=block.reach(),
    )


def test_a_jacobian_that_nearly_cancels_is_off_by_the_rounding_of_what_cancels():
    """w tanh(x) − w' tanh(x) with w ≈ w': the twin, which evaluates alone, rounds otherwise."""
    leaf = nn.Sequential(nn.Linear(1, 2), nn.Tanh(), nn.Linear(2, 1))
    with torch.no_grad():
        leaf[0].weight.copy_(torch.tensor([[0.7], [0.7]]))
        leaf[0].bias.copy_(torch.tensor([0.1, 0.1 + 1e-6]))
        leaf[2].weight.copy_(torch.tensor([[0.9, -0.9]]))
    block = DrawnBlock(Layer("F"), {"F": leaf}, gaussian(3, 1, seed=0, dtype=torch.float32))
    jacobian = dense_twin.jacobian(block.module, block.x)
    reach = block.reach()
    assert torch.allclose(reach, torch.full_like(reach, 2 * 0.7 * 0.9))
    assert (jacobian.abs() <= 1e-5 * reach).all()
    assert_equals_matrices(JacobianOperator(block.module, block.x), jacobian, reach=reach)


@given(drawn_blocks())
def test_no_jacobian_reaches_beyond_what_it_adds_up(block):
    """Else the allowance above would be too small; where nothing cancels it is what it was."""
    assert (dense_twin.jacobian(block.module, block.x).abs() <= block.reach() * (1 + 1e-5)).all()


@given(drawn_blocks(), st.floats(-4, 4, width=32))
def test_products_are_linear(block, factor):
    operator = JacobianOperator(block.module, block.x)
    (v, u), (w, t) = random_vectors(operator, 0), random_vectors(operator, 5)
    for product, first, second in ((operator.push, v, w), (operator.pull, u, t)):
        expected = factor * product(first) + product(second)
        size = abs(factor) * norm(product(first)) + norm(product(second))
        assert (
            norm(product(factor * first + second) - expected)
            <= tolerances(operator.dtype).identity * (size + norm(expected))
        ).all()


@given(drawn_blocks())
def test_each_sample_has_its_own_jacobian(block):
    together = JacobianOperator(block.module, block.x)
    v, u = random_vectors(together)
    for i in range(together.batch):
        alone = JacobianOperator(block.module, block.x[i : i + 1])
        one = slice(i, i + 1)
        for whole, part in (
            (together.push(v)[one], alone.push(v[one])),
            (together.pull(u)[one], alone.pull(u[one])),
            (together.value[one], alone.value),
        ):
            assert (norm(whole - part) <= tolerances(together.dtype).identity * norm(part)).all()


class Attention(nn.Module):
    """Self-attention over a sequence (batch, length, 4), fused where torch can."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.scaled_dot_product_attention(x, x, x)


class MultiHead(nn.Module):
    """Self-attention with weights, heads and a causal mask."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.register_buffer("mask", torch.full((3, 3), -torch.inf).triu(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, attn_mask=self.mask, need_weights=False)[0]


class Recurrent(nn.Module):
    """The outputs of an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTM(4, 3, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.cell(x)[0]


class SqueezeExcite(nn.Module):
    """s(x) ⊙ x, the gate s one number per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeeze, excite = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), squeeze, nn.ReLU(inplace=True), excite, nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


class Residual(nn.Module):
    """relu(x + branch(x)), the last ReLU in place."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(x + self.branch(x), inplace=True)


def conv(**config) -> nn.Module:
    return nn.Conv2d(4, 4, 3, **config)


def trained(norm_layer: nn.Module) -> nn.Module:
    norm_layer.running_mean.uniform_(-1, 1)
    norm_layer.running_var.uniform_(0.5, 2)
    return norm_layer.eval()


def batch_norm() -> nn.Module:
    return trained(nn.BatchNorm2d(4))


SEQUENCE = (3, 4)


MODULES = {
    "linear": (lambda: nn.Linear(5, 3), (5,)),
    "in-place ReLU first": (lambda: nn.Sequential(nn.ReLU(inplace=True), conv()), IMAGE),
    "in-place ReLU inside": (
        lambda: nn.Sequential(conv(), nn.ReLU(inplace=True), nn.Conv2d(4, 3, 3)),
        IMAGE,
    ),
    "in-place LeakyReLU and ELU": (
        lambda: nn.Sequential(nn.LeakyReLU(0.2, inplace=True), conv(), nn.ELU(inplace=True)),
        IMAGE,
    ),
    "in-place SiLU": (lambda: nn.Sequential(conv(), nn.SiLU(inplace=True)), IMAGE),
    "in-place hardswish": (lambda: nn.Hardswish(inplace=True), IMAGE),
    "PReLU": (lambda: nn.PReLU(4), IMAGE),
    "GLU": (lambda: nn.GLU(1), IMAGE),
    "max-pool": (lambda: nn.Sequential(conv(padding=1), nn.MaxPool2d(2)), IMAGE),
    "overlapping max-pool": (lambda: nn.MaxPool2d(3, stride=2, padding=1), IMAGE),
    "dilated max-pool": (lambda: nn.MaxPool2d(2, stride=1, dilation=2, ceil_mode=True), IMAGE),
    "adaptive max-pool": (lambda: nn.AdaptiveMaxPool2d((4, 1)), IMAGE),
    "average pool": (
        lambda: nn.Sequential(nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        IMAGE,
    ),
    "overlapping average pool": (
        lambda: nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False),
        IMAGE,
    ),
    "adaptive average pool": (lambda: nn.AdaptiveAvgPool2d((4, 5)), IMAGE),
    "BatchNorm": (lambda: nn.Sequential(conv(), batch_norm(), nn.ReLU(inplace=True)), IMAGE),
    "BatchNorm of vectors": (
        lambda: nn.Sequential(trained(nn.BatchNorm1d(5)), nn.Dropout().eval()),
        (5,),
    ),
    "grouped convolution": (lambda: conv(groups=2), IMAGE),
    "depthwise convolution": (lambda: nn.Conv2d(4, 8, 3, groups=4, padding=1), IMAGE),
    "strided convolution": (lambda: conv(stride=2, padding=1, bias=False), IMAGE),
    "dilated convolution": (lambda: conv(dilation=2), IMAGE),
    "uneven convolution": (
        lambda: nn.Conv2d(4, 2, (3, 1), stride=(1, 2), padding=(2, 0), groups=2),
        IMAGE,
    ),
    "circular convolution": (lambda: conv(padding=1, padding_mode="circular"), IMAGE),
    "reflecting convolution": (lambda: conv(padding=2, padding_mode="reflect"), IMAGE),
    "1×1 convolution": (lambda: nn.Conv2d(4, 9, 1), IMAGE),
    "convolution of sequences": (lambda: nn.Conv1d(3, 2, 3, padding="same"), SEQUENCE),
    "transposed convolution": (lambda: nn.ConvTranspose2d(4, 3, 3, stride=2), IMAGE),
    "grouped transposed convolution": (
        lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
        IMAGE,
    ),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), IMAGE),
    "InstanceNorm": (lambda: nn.InstanceNorm2d(4), IMAGE),
    "local response": (lambda: nn.LocalResponseNorm(3, alpha=1.0), IMAGE),
    "LayerNorm and GELU": (lambda: nn.Sequential(nn.LayerNorm(5), nn.GELU()), IMAGE),
    "upsampling": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE),
    "pixel shuffle": (lambda: nn.PixelShuffle(2), IMAGE),
    "softmax": (lambda: nn.Softmax(1), (5,)),
    "squeeze and excitation": (
        lambda: nn.Sequential(conv(padding=1), batch_norm(), SqueezeExcite(4)),
        IMAGE,
    ),
    "residual block": (
        lambda: Residual(
            nn.Sequential(conv(padding=1), batch_norm(), nn.ReLU(inplace=True), conv(padding=1))
        ),
        IMAGE,
    ),
    "gated residual block": (
        lambda: Residual(nn.Sequential(conv(padding=1), SqueezeExcite(4))),
        IMAGE,
    ),
    "fused attention": (Attention, SEQUENCE),
    "masked attention": (MultiHead, SEQUENCE),
    "encoder layer": (
        lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval(),
        SEQUENCE,
    ),
    "flattened sequence": (lambda: nn.Sequential(nn.Flatten(1), nn.Linear(12, 5)), SEQUENCE),
    "recurrent layer": (Recurrent, SEQUENCE),
    "one number in, one out": (lambda: nn.Sequential(nn.Linear(1, 1), nn.Tanh()), (1,)),
    "dead ReLU": (lambda: nn.Sequential(nn.Hardtanh(2, 3), nn.ReLU()), (5,)),
}


def layer_case(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> Case:
    def module(dtype: torch.dtype) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(11)
            return make().to(dtype)

    def x(dtype: torch.dtype) -> Tensor:
        return gaussian(BATCH, *shape, seed=3, dtype=dtype)

    return Case(
        lambda dtype, samples: JacobianOperator(module(dtype), x(dtype)[samples]),
        lambda dtype: dense_twin.jacobian(module(dtype), x(dtype)),
    )


CASES = {name: layer_case(*case) for name, case in MODULES.items()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_every_operator_is_adjoint_and_agrees_with_its_dense_twin(name, dtype):
    assert_agrees_with_its_matrices(CASES[name], dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_every_operator_treats_each_sample_by_itself(name, dtype):
    assert_samples_are_treated_alone(CASES[name], dtype)


def test_a_value_is_that_of_the_module():
    for name, (make, shape) in MODULES.items():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(11)
            module = make()
        x = gaussian(BATCH, *shape, seed=3, dtype=torch.float32)
        torch.testing.assert_close(
            JacobianOperator(module, x).value, module(x.clone()).detach(), msg=name
        )


@pytest.mark.parametrize(
    "layout",
    [
        lambda x: x.contiguous(memory_format=torch.channels_last),
        lambda x: x.mT,
        lambda x: x.flip(3),
    ],
)
def test_layouts_of_x_and_the_vectors_do_not_matter(layout):
    module = nn.Sequential(conv(padding=1), nn.Tanh()).double()
    x = layout(gaussian(2, *IMAGE, seed=0))
    operator = JacobianOperator(module, x)
    assert_equals_matrices(operator, dense_twin.jacobian(module, x))
    v, u = random_vectors(operator)
    assert torch.allclose(operator.push(layout(v)), operator.push(layout(v).contiguous()))
    assert torch.allclose(operator.pull(layout(u)), operator.pull(layout(u).contiguous()))


WEIGHT = torch.ones(2, 3, requires_grad=True)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.ones(2, 5),
        lambda x: x.detach(),
        torch.round,
        lambda x: 2 * WEIGHT,
        lambda x: nn.functional.relu(-x.abs() - 1),
    ],
    ids=["constant", "detached", "round", "weights only", "dead"],
)
def test_a_function_that_does_not_follow_x_has_a_zero_jacobian(function):
    operator = JacobianOperator(function, gaussian(2, 3, seed=0, dtype=torch.float32))
    v, u = random_vectors(operator)
    assert torch.equal(operator.push(v), torch.zeros_like(u))
    assert torch.equal(operator.pull(u), torch.zeros_like(v))
    assert WEIGHT.grad is None


@pytest.mark.parametrize("function", [lambda x: x, lambda x: x.view(2, 1, 3), lambda x: x + 0])
def test_the_identity_function_returns_its_vectors(function):
    operator = JacobianOperator(function, gaussian(2, 3, seed=0))
    v, u = random_vectors(operator)
    assert torch.equal(operator.push(v), v.view_as(u))
    assert torch.equal(operator.pull(u), u.view_as(v))


def test_a_scalar_output_per_sample_is_allowed():
    operator = JacobianOperator(lambda x: x.square().sum(1), gaussian(3, 4, seed=0))
    assert (operator.out_shape, operator.out_dim, operator.in_dim) == ((), 1, 4)
    assert_adjoint(operator)


def test_the_model_and_the_input_come_back_untouched():
    model = nn.Sequential(
        nn.ReLU(inplace=True), nn.Linear(3, 3), nn.BatchNorm1d(3).eval(), nn.Dropout(0.5).eval()
    )
    model[1].bias.requires_grad_(False)
    model[1].weight.grad = torch.full((3, 3), 7.0)
    model.register_forward_hook(lambda *_: None)
    x = gaussian(4, 3, seed=0, dtype=torch.float32)
    before, x_before, gradient = copy.deepcopy(model), x.clone(), model[1].weight.grad
    operator = JacobianOperator(model, x)
    v, u = random_vectors(operator)
    operator.push(v), operator.pull(u), operator.value.fill_(5)
    assert torch.equal(x, x_before)
    assert x.grad is None
    assert not x.requires_grad
    for name, tensor in before.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name
    for then, now in zip(before.modules(), model.modules(), strict=True):
        assert then.training == now.training
        assert len(then._forward_hooks) == len(now._forward_hooks)
        assert len(then._backward_hooks) == len(now._backward_hooks)
    for (name, then), now in zip(before.named_parameters(), model.parameters(), strict=True):
        assert then.requires_grad == now.requires_grad, name
        assert now is model[1].weight or now.grad is None, name
    assert model[1].weight.grad is gradient
    assert torch.equal(gradient, torch.full((3, 3), 7.0))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_callers_gradient_mode_does_not_matter(mode):
    layer = nn.Linear(3, 2).double()
    with mode():
        operator = JacobianOperator(nn.Sequential(layer, nn.Tanh()), gaussian(2, 3, seed=0))
        assert_adjoint(operator)
        assert operator.push(random_vectors(operator)[0]).any()
    assert_adjoint(operator)
    assert layer.weight.grad is None


def test_an_x_that_requires_grad_gets_none():
    x = gaussian(2, 3, seed=0).requires_grad_()
    operator = JacobianOperator(torch.tanh, x)
    operator.pull(random_vectors(operator)[1].requires_grad_())
    assert x.grad is None


def test_the_value_is_a_copy():
    operator = JacobianOperator(torch.tanh, gaussian(2, 3, seed=0))
    v, u = random_vectors(operator)
    expected = operator.push(v), operator.pull(u)
    operator.value.fill_(5)
    assert torch.equal(operator.push(v), expected[0])
    assert torch.equal(operator.pull(u), expected[1])


class Counter(nn.Module):
    """Counts its calls in a buffer, as spectral norm and moving averages do."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x


def test_a_module_that_changes_its_buffers_is_refused_and_restored():
    module = Counter()
    with pytest.raises(InputError, match="changes its buffer 'calls'"):
        JacobianOperator(module, torch.ones(2, 3))
    assert module.calls == 0


def test_products_do_not_evaluate_the_function_again():
    calls = []
    operator = JacobianOperator(lambda x: calls.append(1) or x.tanh(), gaussian(2, 3, seed=0))
    v, u = random_vectors(operator)
    made = len(calls)
    operator.push(v), operator.pull(u), operator.push(v), operator.pull(u)
    assert len(calls) == made == 1 + 2  # two more tell that two samples are independent


def hooked(model: nn.Module) -> list[str]:
    """What fires, on every module of the model."""
    fired: list[str] = []
    for part in model.modules():
        part.register_forward_pre_hook(lambda *_: fired.append("before"))
        part.register_forward_hook(lambda *_: fired.append("forward"))
        part.register_full_backward_hook(lambda *_: fired.append("backward"))
    return fired


@pytest.mark.parametrize("hide", [lambda part: part, lambda part: lambda x: 1 * part(x)])
def test_hooks_fire_no_more_than_in_a_pass_forward_and_backward(hide):
    layer = nn.Linear(3, 3).double()
    fired = hooked(layer)
    operator = JacobianOperator(hide(layer), gaussian(4, 3, seed=0))
    sigma_max(operator)
    frobenius(operator)
    assert fired.count("before") == fired.count("forward") == 1
    assert fired.count("backward") <= 1


def test_a_hook_that_changes_the_value_is_part_of_the_map():
    layer = nn.Linear(3, 3).double()
    layer.register_forward_hook(lambda module, args, out: 3 * out)
    x, u = gaussian(2, 3, seed=0), gaussian(2, 3, seed=1)
    operator = JacobianOperator(layer, x)
    assert torch.allclose(operator.value, layer(x))
    assert torch.allclose(operator.pull(u), 3 * u @ layer.weight.detach())


def test_weights_changed_after_linearization_are_refused():
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    operator = JacobianOperator(model, gaussian(2, 3, seed=0, dtype=torch.float32))
    with torch.no_grad():
        model[2].weight += 1
    for product, vector in zip(
        (operator.push, operator.pull), random_vectors(operator), strict=True
    ):
        with pytest.raises(
            InputError,
            match=(
                r"autograd cannot differentiate the function here: .*modified by an inplace "
                r"operation"
            ),
        ):
            product(vector)


class OnceOnly(torch.autograd.Function):
    """A tanh without a second derivative."""

    @staticmethod
    def forward(ctx, x):
        y = x.tanh()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * (1 - y * y)


@pytest.mark.parametrize(
    "function",
    [OnceOnly.apply, lambda x: x + OnceOnly.apply(x), lambda x: x + 1e-3 * OnceOnly.apply(x)],
)
def test_a_function_with_a_part_differentiable_once_is_pulled_but_not_pushed(function):
    operator = JacobianOperator(function, gaussian(2, 3, seed=0))
    v, u = random_vectors(operator)
    assert operator.pull(u).any()
    with pytest.raises(InputError, match="not twice differentiable by autograd"):
        operator.push(v)


@pytest.mark.parametrize(
    ("function", "x", "message"),
    [
        (torch.tanh, torch.tensor([[float("nan")]]), "the input has entries that are not finite"),
        (torch.tanh, torch.ones(3), "unsqueeze"),
        (torch.tanh, torch.ones(0, 3), "empty"),
        (torch.tanh, torch.ones(2, 3, dtype=torch.int32), "float32 or float64"),
        (torch.log, torch.zeros(2, 3), "the function's output has entries that are not finite"),
        (torch.sum, torch.ones(2, 3), r"a batch of 2 to shape \(\)"),
        (lambda x: x[:1], torch.ones(2, 3), "keep the batch dimension first"),
        (lambda x: (x, x), torch.ones(2, 3), "tuple"),
        (lambda x: x.long(), torch.ones(2, 3), "int64"),
        (nn.BatchNorm1d(3), torch.ones(2, 3), "call model.eval"),
        (nn.Dropout(0.2), torch.ones(2, 3), "call model.eval"),
        (nn.Linear(3, 3).double(), torch.ones(2, 3), "weight 'weight' is torch.float64"),
    ],
)
def test_what_has_no_honest_jacobian_is_refused(function, x, message):
    with pytest.raises(InputError, match=message):
        JacobianOperator(function, x)


def test_a_refused_training_mode_module_keeps_its_statistics():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    with pytest.raises(InputError, match="BatchNorm1d '1'"):
        JacobianOperator(model, gaussian(4, 3, seed=0, dtype=torch.float32))
    assert model[1].num_batches_tracked == 0
    assert model.training
