"""Of models of odd kinds no printed bound of a parameter is left by any loss's own gradient.

Each sample runs alone, by `.backward()`.
"""

import pytest
import torch
from strategies import gaussian
from torch import nn
from torch.nn import functional
from twins.arriving import OTHERS, SHIFT_INVARIANT

from validate.analysis.analyze import analyze


class Written(nn.Module):
    """A function of the input and of named parameters and modules."""

    def __init__(self, way, **held):
        super().__init__()
        self.way = way
        for name, each in held.items():
            setattr(self, name, each if isinstance(each, nn.Module) else nn.Parameter(each))

    def forward(self, x):
        return self.way(self, x)


def images(*layers, out=3, size=6, channels=2):
    """Layers of images, then logits."""
    body = nn.Sequential(*layers)
    width = body(torch.zeros(1, channels, *[size] * 2)).numel()
    return nn.Sequential(body, nn.Tanh(), nn.Flatten(), nn.Linear(width, out))


def spread(weight, bias, way=functional.linear):
    return Written(
        lambda s, x: s.head(way(x, s.weight, s.bias).tanh()),
        weight=torch.randn(weight), bias=torch.randn(bias), head=nn.Linear(5, 3),
    )  # fmt: skip


def mlp(out, scale=1.0, width=5):
    made = nn.Sequential(nn.Linear(6, width), nn.Tanh(), nn.Linear(width, out))
    made[2].weight.data *= scale
    return made


def doubled():
    """Two logits that are the same."""
    made = mlp(4)
    made[2].weight.data[1], made[2].bias.data[1] = made[2].weight.data[0], made[2].bias.data[0]
    return made


def attention(way):
    parts = {name: nn.Linear(6, 6) for name in "qkv"}
    return Written(way, head=nn.Linear(6, 3), **parts)


def attended(s, x):
    return s.head((torch.softmax(s.q(x) @ s.k(x).mT, -1) @ s.v(x)).mean(1))


def conv(kind, *args, **how):
    return lambda: images(kind(*args, **how))


VECTOR, IMAGE, LINE, TOKENS = (4, 6), (4, 2, 6, 6), (4, 2, 9), (4, 5, 6)
MODELS = {
    "shared": (lambda: Written(
        lambda s, x: s.head(s.a(s.a(x).tanh()).tanh()), a=nn.Linear(6, 6), head=nn.Linear(6, 3)
    ), VECTOR),
    "tied": (lambda: Written(
        lambda s, x: functional.linear(s.a(x).tanh(), s.a.weight.t()), a=nn.Linear(6, 4)
    ), VECTOR),
    "half tied": (lambda: Written(
        lambda s, x: s.head(functional.linear(s.a(x).tanh(), s.a.weight.view(6, 6)) + s.c(x)),
        a=nn.Linear(6, 6), c=nn.Linear(6, 6), head=nn.Linear(6, 3)
    ), VECTOR),
    "turned": (lambda: spread((6, 5), 5, lambda x, w, b: x @ w.t().mT + b), VECTOR),
    "product": (lambda: spread((6, 5), 5, lambda x, w, b: x @ w + b), VECTOR),
    "product of tokens": (
        lambda: spread((6, 5), 5, lambda x, w, b: (x @ w + b).tanh().mean(1)), TOKENS),
    "addmm": (lambda: spread((6, 5), 5, lambda x, w, b: torch.addmm(b, x, w)), VECTOR),
    "addmm of a number": (lambda: spread((6, 5), 1, lambda x, w, b: torch.addmm(b, x, w)), VECTOR),
    "scaled addmm": (lambda: spread(
        (6, 5), 5, lambda x, w, b: torch.addmm(b, x, w, beta=2, alpha=3)), VECTOR),
    "bias of one": (lambda: spread((5, 6), 1), VECTOR),
    "bias a number": (lambda: spread((5, 6), ()), VECTOR),
    "bias a row": (lambda: spread((5, 6), (1, 5)), VECTOR),
    "bias of one, tokens": (
        lambda: spread((5, 6), 1, lambda *a: functional.linear(*a).tanh().mean(1)), TOKENS),
    "bias a row, tokens": (
        lambda: spread((5, 6), (1, 5), lambda *a: functional.linear(*a).tanh().mean(1)), TOKENS),
    "vector": (lambda: spread((6,), 5, lambda x, w, b: functional.linear(x, w) + b), TOKENS),
    "grouped": (conv(nn.Conv2d, 2, 4, 3, groups=2), IMAGE),
    "depthwise": (conv(nn.Conv2d, 2, 2, 3, groups=2, padding=1), IMAGE),
    "dilated": (conv(nn.Conv2d, 2, 3, 2, dilation=2), IMAGE),
    "strided": (conv(nn.Conv2d, 2, 3, 3, stride=2, padding=1), IMAGE),
    "oblong": (conv(nn.Conv2d, 2, 3, (1, 3), stride=(2, 1), padding=(0, 2)), IMAGE),
    "same": (conv(nn.Conv2d, 2, 3, 3, dilation=2, padding="same"), IMAGE),
    "reflected": (conv(nn.Conv2d, 2, 3, 3, padding=1, padding_mode="reflect"), IMAGE),
    "one by one": (conv(nn.Conv2d, 2, 8, 1), IMAGE),
    "transposed": (conv(nn.ConvTranspose2d, 2, 3, 3, stride=2), IMAGE),
    "transposed in groups": (conv(nn.ConvTranspose2d, 2, 4, 2, groups=2, dilation=2), IMAGE),
    "without bias": (conv(nn.Conv2d, 2, 3, 3, bias=False), IMAGE),
    "line": (lambda: nn.Sequential(
        nn.Conv1d(2, 3, 3, stride=2), nn.Tanh(), nn.Flatten(), nn.Linear(12, 3)), LINE),
    "line in groups": (lambda: nn.Sequential(
        nn.Conv1d(2, 4, 3, groups=2, dilation=2), nn.Tanh(), nn.Flatten(), nn.Linear(20, 3)), LINE),
    "line turned": (lambda: nn.Sequential(
        nn.ConvTranspose1d(2, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(22, 3)), LINE),
    "solid": (lambda: nn.Sequential(
        nn.Conv3d(2, 2, 2), nn.Tanh(), nn.Flatten(), nn.Linear(16, 3)), (4, 2, 3, 3, 3)),
    "solid turned": (lambda: nn.Sequential(
        nn.ConvTranspose3d(2, 2, 2, stride=2), nn.Tanh(), nn.Flatten(), nn.Linear(128, 3)
    ), (4, 2, 2, 2, 2)),
    "one logit": (lambda: mlp(1), VECTOR),
    "two logits": (lambda: mlp(2), VECTOR),
    "same logits": (doubled, VECTOR),
    "few features": (lambda: mlp(6, width=2), VECTOR),
    "dead": (lambda: nn.Sequential(nn.Linear(6, 2), nn.ReLU(), nn.Linear(2, 4)), VECTOR),
    "saturated": (lambda: mlp(3, 60.0), VECTOR),
    "steep": (lambda: nn.Sequential(nn.Linear(6, 5), nn.Sigmoid(), nn.Linear(5, 3)), VECTOR),
    "alone": (lambda: mlp(3), (1, 6)),
    "batch norm alone": (lambda: images(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 2)), (1, 2, 6, 6)),
    "instance norm": (
        lambda: images(nn.Conv2d(2, 3, 3), nn.InstanceNorm2d(3), nn.ReLU()), IMAGE),
    "group norm": (lambda: images(nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), nn.ReLU()), IMAGE),
    "group norm of single channels": (
        lambda: images(nn.Conv2d(2, 3, 3), nn.GroupNorm(3, 3), nn.ReLU()), IMAGE),
    "layers of attention": (lambda: attention(attended), TOKENS),
    "attention": (lambda: Written(
        lambda s, x: s.head(s.a(x, x, x)[0].mean(1)),
        a=nn.MultiheadAttention(6, 2, batch_first=True), head=nn.Linear(6, 3)), TOKENS),
    "tokens first": (lambda: Written(
        lambda s, x: s.head(s.a(x.transpose(0, 1)).tanh().mean(0)),
        a=nn.Linear(6, 5), head=nn.Linear(5, 3)), TOKENS),
}  # fmt: skip
NEVER = {"shared": "a.weight", "tied": "a.weight", "half tied": "a.weight", "vector": "weight",
         "turned": "weight", "scaled addmm": "weight"}  # fmt: skip
ZERO = {"batch norm alone": "0.0.bias", "instance norm": "0.0.bias",
        "group norm of single channels": "0.0.bias", "layers of attention": "k.bias"}  # fmt: skip


def classes_of(a, name):
    """The classes of losses whose bounds a loss's ∂L/∂z keeps in floating point, not in name."""
    double = a.dtype == torch.float64
    off = float(a.double().sum().abs() / a.double().norm())
    if len(a) < 2 or off > (1e-12 if double else 1e-6):
        return ["every_loss.all"]
    # Of a small 1 − p few digits are left in float32, so the direction is no label's.
    labelled = name.startswith("label") and float(a.norm()) > (1e-9 if double else 1e-3)
    return ["every_loss.all", "every_loss.shift_invariant"] + ["every_loss.labels"] * labelled


def losses(count):
    labels = {
        f"label {y}": lambda z, y=y: functional.cross_entropy(z, torch.full((len(z),), y))
        for y in range(min(count, 3))
    }
    plain = {name: each for name, each in SHIFT_INVARIANT.items() if count > 1}
    own = {"squares": lambda z: (z - 0.3).square().sum(), "sum": lambda z: z.sum(),
           "first": lambda z: z[:, 0].sum()}  # fmt: skip
    return labels | own | ({**plain, **OTHERS} if count == 5 else {})


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", MODELS)
def test_each_samples_own_gradient_lies_within_every_printed_bound(name, dtype):
    make, size = MODELS[name]
    torch.manual_seed(len(name))
    model, x = make().to(dtype), gaussian(*size, seed=len(name)).to(dtype)
    z = model(x)
    found = analyze(model, x, y=torch.zeros(len(x), dtype=torch.long), every_loss=True)
    bounded = {each.name: each.bounds for each in found.parameters if each.bounds}
    assert (NEVER.get(name) in bounded) is False
    assert bounded or name == "tied"
    # Both are of the model's precision, whose rounding a depth of three multiplies little.
    slack = 1e-9 if dtype == torch.float64 else 1e-4
    named, held = dict(model.named_parameters()), 0
    for said, loss in losses(z.shape[1]).items():
        for k in range(len(x)):
            model.zero_grad()
            z = model(x[k : k + 1])
            z.retain_grad()
            loss(z).backward()
            length = float(z.grad.double().norm())
            if length == 0:
                continue
            kept = classes_of(z.grad[0], said)
            for parameter, some in bounded.items():
                ratio = float(named[parameter].grad.double().norm()) / length
                for each in some:
                    if each.id not in kept:
                        continue
                    held += 1
                    if each.side == "lower":
                        assert ratio >= each.value * (1 - slack), (parameter, said, each)
                    else:
                        assert ratio <= each.value * (1 + slack), (parameter, said, each)
    assert held or not bounded
    for each in bounded.get(ZERO.get(name), ()):
        assert each.value == 0 if each.side == "lower" else each.value < 1e-3
        assert "beyond rounding" in each.holds_for


def test_there_are_many_kinds():
    assert len(MODELS) >= 40
    assert set(NEVER) | set(ZERO) <= set(MODELS)
