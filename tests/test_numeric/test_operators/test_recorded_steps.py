"""Every rule against the derivative that autograd finds by differentiating the pull."""

import pytest
import torch
from strategies import gaussian
from torch import nn
from torch.nn import functional as F

from numeric.operators.recorded_push import recorded_push
from numeric.operators.recorded_steps import _RULES

WEIGHT, IMAGE = gaussian(4, 4, seed=7), gaussian(3, 4, 6, 6, seed=5)
KERNEL, TALL = gaussian(6, 2, 3, 3, seed=8), gaussian(4, 2, 3, 3, seed=9)


def trained(norm: nn.Module) -> nn.Module:
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(0.5, 2)
    return norm.double().eval()


FUNCTIONS = {
    **{
        name: getattr(F, name)
        for name in (
            *("relu", "leaky_relu", "hardtanh", "silu", "gelu", "elu", "sigmoid", "tanh", "mish"),
            *("hardswish", "softplus"),
        )
    },
    "threshold": lambda x: F.threshold(x, 0.1, 2.0),
    "exp, log, sqrt, powers": lambda x: (x.exp().sqrt().log() ** 3).neg(),
    "times and over a constant": lambda x: 3 * x * WEIGHT[0, 0] / WEIGHT[1, 1] + x / 2,
    "times a constant that is broadcast": lambda x: x[:, :, :1] * IMAGE[:, :, :4],
    "times itself": lambda x: x * x.tanh(),
    "times a gate that is broadcast": lambda x: x * x.mean((2, 3), keepdim=True).sigmoid(),
    "plus what is broadcast": lambda x: 2 + x + torch.add(x[:, :1], x, alpha=-3),
    "plus a constant that is larger": lambda x: x[:, :, :1] + IMAGE,
    "less": lambda x: 1 - x - torch.sub(x.tanh(), x, alpha=2) - IMAGE,
    "a constant less": lambda x: IMAGE - x[:, :1],
    "matrix": lambda x: x.flatten(0, 2)[:, :4] @ WEIGHT,
    "matrix from the left": lambda x: WEIGHT @ x[0, 0, :4],
    "matrices of both": lambda x: x @ x.mT.tanh(),
    "matrices of constants": lambda x: IMAGE @ x,
    "linear": lambda x: F.linear(x[:, 0, 0, :4], WEIGHT, WEIGHT[0]),
    "convolution": lambda x: F.conv2d(x, KERNEL, stride=2, padding=1, groups=2),
    "dilated convolution": lambda x: F.conv2d(x[:, :2], KERNEL, dilation=2, padding=(2, 1)),
    "transposed convolution": lambda x: F.conv_transpose2d(
        x, TALL, stride=2, padding=1, output_padding=1
    ),
    "batch norm": trained(nn.BatchNorm2d(4)),
    "batch norm without weights": trained(nn.BatchNorm2d(4, affine=False)),
    "layer norm": lambda x: F.layer_norm(x, (6, 6), IMAGE[0, 0], IMAGE[0, 1]),
    "layer norm without weights": lambda x: F.layer_norm(x, (6,)),
    "softmax": lambda x: x.softmax(1) + x.softmax(-2),
    "attention": lambda x: F.scaled_dot_product_attention(x, x.tanh(), x),
    "max-pool": lambda x: F.max_pool2d(x, 3, stride=2, padding=1),
    "dilated max-pool": lambda x: F.max_pool2d(x, 2, stride=1, dilation=2, ceil_mode=True),
    "average pool": lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    "adaptive average pool": lambda x: F.adaptive_avg_pool2d(x, (4, 1)),
    "means": lambda x: x.mean((2, -1)) + x.mean(-1, keepdim=True).mean(2)[..., 0],
    "sums": lambda x: x.sum((-2, 1)) + x.sum(-1, keepdim=True).sum(1).squeeze(-1),
    "concatenation": lambda x: torch.cat([x, x.tanh()], -1),
    "views": lambda x: x.view(3, 2, 12, 6).transpose(1, -1).permute(0, -1, 1, 2).unsqueeze(1),
    "squeezed": lambda x: x[:, :1].squeeze(1) + x[:, :1].squeeze(),
    "selected": lambda x: x[:, -1] + x.select(1, 2) + x[:, :, 1:4:2, -2:].sum((2, 3))[:, :1, None],
    "expanded": lambda x: x[:, :1].expand(3, 4, 6, 6),
    "transposed matrix": lambda x: x[0, 0].t().contiguous(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_rule_is_the_derivative(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        source, v = gaussian(3, 4, 6, 6, seed=0).requires_grad_(), gaussian(3, 4, 6, 6, seed=1)
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            output = FUNCTIONS[name](source.clone())
    u = torch.zeros_like(output).requires_grad_()
    (pulled,) = torch.autograd.grad(output, source, u, create_graph=True)
    (expected,) = torch.autograd.grad(pulled, u, v, allow_unused=True, materialize_grads=True)
    recorded = recorded_push(output, source)
    assert recorded is not None
    found = recorded(v)
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_every_rule_is_met_above():
    met = set()
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        for function in FUNCTIONS.values():
            pending = [function(gaussian(3, 4, 6, 6, seed=0).requires_grad_().clone()).grad_fn]
            while pending:
                node = pending.pop()
                if node is not None:
                    met.add(node.name())
                    pending += [each for each, _ in node.next_functions]
    # One of an operation's two numbers may have no operation behind it.
    assert {name[:-1] for name in _RULES} <= {name[:-1] for name in met}


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.batch_norm(x, None, None, training=True),
        lambda x: F.conv2d(IMAGE, x[:, :, :3, :3]),
        lambda x: F.layer_norm(IMAGE, (6, 6), x[0, 0]),
        lambda x: torch.cat([x, IMAGE]),
        lambda x: torch.addmm(x[0, 0], IMAGE[0, 0], x[0, 1]),
        lambda x: 1 / x,
        lambda x: IMAGE / x,
        lambda x: x.cumsum(1),
        lambda x: x.unbind(1)[1],
        lambda x: x.max(1).values,
    ],
    ids=[
        *("statistics", "weight", "scale", "constant", "bias", "reciprocal", "divisor"),
        *("unknown", "second", "maximum"),
    ],
)
def test_a_step_of_another_form_has_no_push(function):
    source = gaussian(3, 4, 6, 6, seed=0).requires_grad_()
    assert recorded_push(function(source.clone()), source) is None
