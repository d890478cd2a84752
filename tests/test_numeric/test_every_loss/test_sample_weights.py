"""Bounds of a sample's ‖∂L/∂W‖ by its layer's signals and inputs, against autograd's own.

Whatever is tried, no loss leaves them, each end is attained, and the columns are those of the
parameter's own gradient graph.
"""

import pytest
import torch
from strategies import gaussian
from torch import nn
from torch.nn import functional
from twins.arriving import OTHERS, SHIFT_INVARIANT, classifier, inputs, linear_loss

from derivations.errors import InputError
from numeric import capture
from numeric.every_loss import sample_weights as module
from numeric.every_loss.loss_bounds import bounds
from numeric.every_loss.reachable import LOGITS
from numeric.every_loss.sample_weights import MIXED, TOO_LARGE, sample_weights
from numeric.every_loss.weight_signals import weight_signals


class Images(nn.Module):
    """Convolutions of every sort: strided, in groups, transposed, and along one axis."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.grouped = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.norm = nn.BatchNorm2d(4)
        self.few = nn.Conv2d(4, 4, (3, 2), stride=(3, 2), padding=(0, 1), dilation=(1, 2))
        self.back = nn.ConvTranspose2d(4, 3, 2)
        self.line = nn.Conv1d(3, 2, 3, padding_mode="reflect", padding=1)
        self.head = nn.Linear(32, 5)

    def forward(self, x):
        h = torch.tanh(self.norm(self.grouped(torch.tanh(self.first(x)))))
        h = h + torch.tanh(self.few(h)).mean((2, 3), keepdim=True)
        return self.head(self.line(self.back(h).flatten(2)[:, :, :16]).tanh().flatten(1))


class Tokens(nn.Module):
    """Attention, of layers that meet samples on the first axis, on the second, and in windows."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.second, self.windows = nn.Linear(8, 6), nn.Linear(6, 6)
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(24, 5)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        h = self.norm(x + self.out(torch.softmax(q @ k.mT, -1) @ v))
        h = self.second(h.transpose(0, 1)).tanh().transpose(0, 1)
        h = self.windows(h.reshape(-1, 2, 6)).tanh()
        return self.head(h.reshape(len(x), -1))


def made(kind):
    torch.manual_seed(0)
    model, x = {
        "mlp": lambda: (classifier(), inputs(3)),
        "images": lambda: (Images(), gaussian(3, 2, 8, 8, seed=0)),
        "tokens": lambda: (Tokens(), gaussian(3, 4, 8, seed=0)),
    }[kind]()
    return model.double().eval().requires_grad_(), x


def ratios(model, x, loss, names):
    named = dict(model.named_parameters())
    z = model(x)
    (a,) = torch.autograd.grad(loss(z), [z], retain_graph=True)
    sent = torch.autograd.grad(z, [named[each] for each in names], a)
    return {name: each.norm() / a.norm() for name, each in zip(names, sent, strict=True)}


@pytest.mark.parametrize("kind", ["mlp", "images", "tokens"])
def test_no_loss_leaves_the_bounds_and_the_ends_are_attained(kind):
    model, x = made(kind)
    named = dict(model.named_parameters())
    found, others = sample_weights(capture(model, (x,), {}), named)
    names = [name for name in named if name not in others]
    assert set(others) == {name for name in named if "norm" in name}
    for loss, of in {**SHIFT_INVARIANT, **OTHERS}.items():
        cls = "shift_invariant" if loss in SHIFT_INVARIANT else "all"
        ends = {name: bounds(found, name, LOGITS, cls) for name in names}
        for k in range(3):
            for name, ratio in ratios(model, x[k : k + 1], of, names).items():
                low, high = ends[name].lower[k], ends[name].upper[k]
                assert low * (1 - 1e-9) - 1e-14 <= ratio <= high * (1 + 1e-9), (name, loss)
    for cls in ("all", "shift_invariant", "labels"):
        for name in names:
            some = bounds(found, name, LOGITS, cls)
            for end, at in ((some.lower, some.lower_at), (some.upper, some.upper_at)):
                for k in range(3):
                    of = linear_loss(at[k : k + 1])
                    reached = ratios(model, x[k : k + 1], of, [name])[name].item()
                    assert reached == pytest.approx(end[k].item(), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "images", "tokens"])
@pytest.mark.parametrize("most", [2**31, 30000])
def test_the_columns_are_those_of_the_parameters_own_graph(kind, most, monkeypatch):
    model, x = made(kind)
    monkeypatch.setattr(module, "_ROWS", 7)
    named = dict(model.named_parameters())
    found, others = sample_weights(capture(model, (x,), {}), named, most)
    names = [name for name in named if name not in others]
    assert len(names) > 4
    for k in range(3):
        slow = weight_signals(model, x[k : k + 1], names, "all")
        for name in names:
            gram, own = (r.mT @ r for r in (found.factor(name)[k], slow.factor(name)[0]))
            assert torch.allclose(gram, own, rtol=1e-9, atol=1e-12 * float(own.abs().max()))


class Written(nn.Module):
    """A layer written out, of a bias of some shape."""

    def __init__(self, way, weight, bias):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(weight)), nn.Parameter(torch.randn(bias))
        self.way, self.head = way, nn.Linear(4, 5)

    def forward(self, x):
        h = self.way(x, self.weight, self.bias).tanh()
        return self.head(h if h.dim() == 2 else h.flatten(2).mean(2 if h.shape[1] == 4 else 1))


LINEAR = functional.linear
WRITTEN = [
    (LINEAR, (4, 6), (1,), (3, 6)),
    (LINEAR, (4, 6), (), (3, 6)),
    (LINEAR, (4, 6), (1, 4), (3, 6)),
    (LINEAR, (4, 6), (3, 4), (3, 6)),
    (LINEAR, (4, 6), (3, 1), (3, 6)),
    (LINEAR, (4, 6), (1, 4), (3, 2, 6)),
    (LINEAR, (4, 6), (1,), (3, 2, 6)),
    (lambda x, w, b: torch.addmm(b, x, w), (6, 4), (1,), (3, 6)),
    (lambda x, w, b: torch.addmm(b, x, w), (6, 4), (4,), (3, 6)),
    (lambda x, w, b: x @ w + 0 * b, (6, 4), (4,), (3, 2, 6)),
    (lambda x, w, b: functional.conv1d(x, w, 2 * b), (4, 6, 1), (4,), (3, 6, 2)),
    (functional.conv1d, (4, 6, 3), (4,), (3, 6, 9)),
]


@pytest.mark.parametrize("case", range(len(WRITTEN)))
def test_whatever_the_bias_is_spread_over_the_columns_are_autograds(case):
    torch.manual_seed(case)
    way, weight, bias, size = WRITTEN[case]
    model, x = Written(way, weight, bias).double(), gaussian(*size, seed=case)
    named = dict(model.named_parameters())
    found, others = sample_weights(capture(model, (x,), {}), named)
    assert set(others) <= {"bias"}
    assert ("bias" in others) == (case in (9, 10))
    z = model(x)
    for k in range(3):
        for name in set(named) - set(others):
            sent = [torch.zeros_like(z).index_put((torch.tensor(k),), a) for a in found.basis[k].T]
            own = torch.stack(
                [
                    torch.autograd.grad(z, named[name], a, retain_graph=True)[0].flatten()
                    for a in sent
                ]
            )
            gram = found.factor(name)[k].mT @ found.factor(name)[k]
            assert torch.allclose(
                gram, own @ own.T, rtol=1e-9, atol=1e-12 * float(gram.abs().max())
            )


class Keys(nn.Module):
    """Attention of separate layers: the bias of the keys moves no softmax."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.head = (nn.Linear(8, size) for size in (8, 8, 8, 5))

    def forward(self, x):
        weights = torch.softmax(self.q(x) @ self.k(x).mT / 3, -1)
        return self.head((weights @ self.v(x)).mean(1))


NOTHING = {
    "instance": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, 3), nn.InstanceNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 5)
        ),
        (3, 2, 6, 6), "0.bias",
    ),
    "keys": (Keys, (3, 4, 8), "k.bias"),
    "batch of one": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 5)
        ),
        (1, 2, 6, 6), "0.bias",
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", NOTHING)
def test_sums_that_cancel_but_for_rounding_are_not_told_from_nothing(case, dtype):
    make, size, name = NOTHING[case]
    for seed in range(3):
        torch.manual_seed(seed)
        model, x = make().to(dtype), gaussian(*size, seed=seed).to(dtype)
        found, _ = sample_weights(capture(model, (x,), {}), dict(model.named_parameters()))
        for cls in ("all", "shift_invariant", "labels"):
            some = bounds(found, name, LOGITS, cls)
            assert (some.lower == 0).all()
            assert torch.equal(some.upper, found.rounding[name])
            for other in set(found.rounding) - {name}:
                whole = bounds(found, other, LOGITS, cls)
                # Far above: the floor is no bound of what does not cancel.
                assert (whole.upper > 1e3 * found.rounding[other]).all()
    assert found.rounding[name].max() < (1e-4 if dtype == torch.float32 else 1e-6)


def test_what_rounding_leaves_is_a_share_of_the_sum_of_sizes():
    model = nn.Sequential(nn.Conv1d(1, 1, 1), nn.Flatten(), nn.Linear(400, 2, bias=False))
    model[2].weight.data.copy_(torch.tensor([[1.0, -1.0] * 200, [0.0] * 400]))
    x = torch.tensor([1.0, -1.0] * 200).reshape(1, 1, 400)
    found, _ = sample_weights(capture(model, (x,), {}), dict(model.named_parameters()))
    # Of the sum-zero direction and of 1 each place gets ±1: 400 sizes of √2, eps a term.
    least = 400 * torch.finfo(torch.float32).eps * 400 * 2**0.5
    for name in ("0.weight", "0.bias"):
        assert found.rounding[name].item() == pytest.approx(least, rel=1e-6)
    some = bounds(found, "0.bias", LOGITS, "all")
    assert (some.lower.item(), some.upper.item()) == (0, found.rounding["0.bias"].item())
    with pytest.raises(InputError, match="not to a parameter's"):
        bounds(found, "0.weight", "0.bias", "all")


class Interleaved(nn.Module):
    """The rows of a layer are of one sample each, but not one sample's behind another's."""

    def __init__(self):
        super().__init__()
        self.mixed, self.head = nn.Linear(2, 2, bias=False), nn.Linear(4, 5)

    def forward(self, x):
        rows = x.reshape(len(x), 2, 2).transpose(0, 1).reshape(-1, 2)
        rows = self.mixed(rows).tanh().reshape(2, len(x), 2)
        return self.head(rows.transpose(0, 1).reshape(len(x), 4))


def test_rows_that_lie_among_those_of_others_are_refused():
    torch.manual_seed(0)
    model, x = Interleaved().double(), gaussian(4, 4, seed=0)
    found, others = sample_weights(capture(model, (x,), {}), dict(model.named_parameters()))
    assert others == {"mixed.weight": MIXED}
    assert {"head.weight", "head.bias"} <= set(found.columns)


def test_too_large_a_weight_is_left_out_and_no_logits_are_refused():
    model, x = made("mlp")
    captured = capture(model, (x,), {})
    _, others = sample_weights(captured, dict(model.named_parameters()), 4 * 5 * 8 * 143)
    assert set(others.values()) == {TOO_LARGE}
    assert set(others) == {"1.branch.0.weight", "1.branch.2.weight", "2.0.weight",
                           "3.branch.weight"}  # fmt: skip
    images = nn.Sequential(nn.Conv1d(2, 2, 3), nn.Tanh()).double()
    with pytest.raises(InputError, match="need logits"):
        sample_weights(capture(images, (gaussian(2, 2, 5, seed=0),), {}), {})
