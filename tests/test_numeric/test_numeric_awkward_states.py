"""Awkward things that a model holds or does as it runs: right numbers, or a refusal by name."""

import functools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from captured import check, kinds
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

N = 4


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def x(*shape: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*(shape or (3, N)), generator=generator, dtype=torch.float64)


def linear(inputs: int = N, outputs: int = N) -> nn.Module:
    return nn.Linear(inputs, outputs).double()


def branch(width: int = N) -> nn.Module:
    return nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width)).double()


Model = Callable[..., Any]
Made = Callable[[], tuple[Any, ...]]


def of(make: Callable[..., Model], *parts: Callable[[], Any], at: Callable[[], Any] = x) -> Made:
    """Makes a model of parts, and gives it an input."""

    def made() -> tuple[Any, ...]:
        found = at()
        inputs = found if isinstance(found, tuple) else (found,)
        return make(*(part() for part in parts)), *inputs

    return made


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:
        return h.round()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return g


class Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, h: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return h.view_as(h)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        return -ctx.scale * g, None


class SetUp(torch.autograd.Function):
    """Of the kind that transforms understand, with two results."""

    @staticmethod
    def forward(h: Tensor, power: int = 2) -> tuple[Tensor, Tensor]:
        return h**power, h.sign()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, g: Tensor, _: Tensor) -> tuple[Tensor, None]:
        return 3 * ctx.saved_tensors[0] * g, None


class InPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:
        ctx.mark_dirty(h)
        return h.mul_(2)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return 2 * g


class Noisy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:
        return h + torch.randn_like(h)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return g


straight = Straight.apply  # bound before anything is captured


class Counted(nn.Module):
    """Keeps count of its calls, and what it last saw."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = branch()
        self.calls, self.seen, self.held = 0, [], {}
        self.state = torch.zeros(1, dtype=torch.float64)
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def forward(self, h: Tensor) -> Tensor:
        self.calls += 1
        self.steps += 1
        self.seen.append(h.detach())
        self.held["last"] = h.shape
        scaled = h * (1 + self.state)
        self.state.add_(1)
        return scaled + self.inner(h) * (1 + self.state)


class Named(nn.Module):
    """Dicts, tuples and keywords, in and out."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = branch()

    def forward(self, batch: dict[str, Any], *, scale: Tensor) -> dict[str, Any]:
        h = batch["parts"][0]
        h = h + self.inner(h) * scale
        return {"logits": h, "extra": (h.sum(), None, "text"), "mask": batch["mask"]}


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, N)
        self.blocks = nn.ModuleList([nn.Linear(N, N)] * 3)
        self.head = nn.Linear(N, 7, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: Tensor) -> Tensor:
        h = self.embed(tokens)
        for block in self.blocks:
            h = h + torch.tanh(block(h))
        return self.head(h)


class Masked(nn.Module):
    """A causal transformer with padding."""

    def __init__(self, first: bool = True) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(9, 8), nn.Embedding(5, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=first)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.first = first

    def forward(self, tokens: Tensor, padding: Tensor) -> Tensor:
        h = self.embed(tokens) + self.place(torch.arange(tokens.shape[1]))
        h = h if self.first else h.transpose(0, 1)
        return self.body(h, src_key_padding_mask=padding)


class Rows(nn.Module):
    """An embedding by indexing."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.inner = nn.Parameter(x(9, N)), branch()

    def forward(self, rows: Tensor) -> Tensor:
        return self.inner(self.table[rows])


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], **options: Any) -> None:
        super().__init__()
        self.cell = kind(N, N, **options)

    def forward(self, h: Tensor) -> Tensor:
        out, _ = self.cell(h)
        return h + out


class Stored(nn.Module):
    """Holds modules where torch does not look."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = [nn.Sequential(nn.BatchNorm1d(N), nn.Linear(N, N)).double() for _ in range(2)]

    def forward(self, h: Tensor) -> Tensor:
        for each in self.plain:
            h = h + torch.relu(each(h))
        return h


def checkpointed(kind: bool) -> Callable[[Tensor], Tensor]:
    f, g = branch(), branch()

    def run(h: Tensor) -> Tensor:
        h = checkpoint(lambda u: u + torch.relu(f(u)), h, use_reentrant=kind)
        return h + g(h)

    return run


def by_value(f: nn.Module, g: nn.Module) -> Callable[[Tensor], Tensor]:
    def run(h: Tensor) -> Tensor:
        if h.sum() > 100:
            return g(h)
        for _ in range(int(h.abs().max()) + 1):
            h = h + f(h)
        return h

    return run


def round_trip(f: nn.Module) -> Callable[[Tensor], Tensor]:
    def run(h: Tensor) -> Tensor:
        scale = torch.from_numpy(np.abs(h.detach().numpy())).mean()
        return h + f(h) * scale

    return run


def siamese() -> nn.Module:
    class Siamese(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tower = nn.Sequential(nn.Linear(N, N), nn.Tanh(), nn.Linear(N, N), nn.Tanh())

        def forward(self, one: Tensor, other: Tensor) -> Tensor:
            one, other = self.tower(one), self.tower(other)
            return (one - other).abs().cumsum(1)

    return Siamese().double()


def frozen(model: nn.Module) -> nn.Module:
    return model.requires_grad_(False)


def spectral() -> nn.Module:
    return torch.nn.utils.parametrizations.spectral_norm(nn.Linear(N, N)).double()


def old_spectral() -> nn.Module:
    return torch.nn.utils.spectral_norm(nn.Linear(N, N)).double()


def weight_normed() -> nn.Module:
    return torch.nn.utils.parametrizations.weight_norm(nn.Linear(N, N)).double()


def hooked() -> nn.Module:
    model = branch()
    model[0].register_forward_hook(lambda module, args, out: out * 2)
    model[1].register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    return model


def two_heads(f: nn.Module, g: nn.Module, k: nn.Module) -> Model:
    def run(h: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(f(h))
        return g(h), k(h)

    return run


def in_between(f: nn.Module, g: nn.Module) -> Model:
    def run(h: Tensor) -> list[Tensor]:
        h = f(h)
        return [h, g(h)]

    return run


def transformed(f: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda h: h + torch.func.vmap(f)(h)


def slope(f: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda h: h - torch.func.grad(lambda u: f(u).square().sum())(h)


def functional(f: nn.Module) -> Callable[[Tensor], Tensor]:
    weights = {name: weight.detach() * 2 for name, weight in f.named_parameters()}
    return lambda h: h + torch.func.functional_call(f, weights, (h,))


def looked(f: nn.Module) -> Callable[[Tensor], Tensor]:
    def run(h: Tensor) -> Tensor:
        h = f(h).requires_grad_()
        h.retain_grad()
        return h + f(h) if h.requires_grad and not h.data.requires_grad else h

    return run


def noisy(f: nn.Module) -> Callable[[Tensor], Tensor]:
    def run(h: Tensor) -> Tensor:
        return h + f(F.rrelu(h, training=True)) + Noisy.apply(h) + F.gumbel_softmax(h)

    return run


def in_training(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers).double().train()


def tokens() -> Tensor:
    return torch.tensor([[1, 2, 3, 0, 4], [5, 6, 0, 0, 1]])


def padding() -> Tensor:
    return tokens() == 0


FOUR = " ".join(["residual plain"] * 4)
CASES: dict[str, tuple[Made, str]] = {
    # Custom functions.
    "straight through": (of(lambda f: lambda h: h + f(Straight.apply(h)), branch), "residual"),
    "straight through, bound before": (
        of(lambda f: lambda h: h + f(straight(h)), branch),
        "residual",
    ),
    "straight through by hand": (
        of(lambda f: lambda h: f(h + (h.round() - h).detach()), branch),
        "plain linear",
    ),
    "gradient reversal": (
        of(lambda f: lambda h: f(Reversal.apply(h, 0.5)), branch),
        "plain linear",
    ),
    "a function with a set-up": (
        of(lambda f: lambda h: f(SetUp.apply(h)[0]), branch),
        "plain linear",
    ),
    "a function of constants": (
        of(lambda f: lambda h: f(h) + Straight.apply(x()), branch),
        "plain linear",
    ),
    "a noisy function": (lambda: (noisy(branch()), x()), "residual"),
    # Calls.
    "tied": (
        lambda: (Tied().double(), torch.tensor([[1, 2], [3, 4], [0, 0]])),
        "residual residual residual linear",
    ),
    "counted": (lambda: (Counted(), x()), "residual"),
    "siamese": (lambda: (siamese(), x(), x(seed=2)), "plain plain"),
    "in lists": (lambda: (Stored(), x()), "residual residual"),
    "in lists, training": (lambda: (Stored().train(), x()), "residual residual"),
    "a partial": (lambda: (functools.partial(lambda f, h: h + f(h), branch()), x()), "residual"),
    "a bound method": (lambda: (branch().forward, x()), "plain linear"),
    "no parameters": (lambda: (nn.Sequential(nn.Tanh(), nn.AvgPool1d(2)), x()), "plain"),
    "frozen": (lambda: (frozen(branch()), x()), "plain linear"),
    "data parallel": (lambda: (nn.DataParallel(branch()), x()), "plain linear"),
    "compiled": (lambda: (torch.compile(branch()), x()), "plain linear"),
    "a compiled part": (of(lambda f: lambda h: h + torch.compile(f)(h), branch), "residual"),
    "a model with a length of 0": (
        lambda: (nn.Sequential(nn.ModuleList().append(branch())[0]), x()),
        "plain linear",
    ),
    "a scalar at the end": (of(lambda f: lambda h: f(h).square().mean(), branch), "plain plain"),
    "one number a sample": (of(lambda f: lambda h: f(h).sum(1), branch), "plain linear"),
    "two heads": (
        of(
            two_heads,
            linear,
            linear,
            linear,
        ),
        "plain",
    ),
    "intermediate outputs": (
        of(in_between, branch, branch),
        "plain linear",
    ),
    "a float beside": (
        of(
            lambda f: lambda h, t: h + f(h) * t,
            branch,
            at=lambda: (x(), torch.tensor(0.5).double()),
        ),
        "residual",
    ),
    # Tokens, masks, attention, recurrence.
    "a causal transformer": (
        lambda: (Masked().double().eval(), tokens(), padding()),
        "linear " + FOUR,
    ),
    "a transformer in training": (
        lambda: (Masked().double().train(), tokens(), padding()),
        "linear " + FOUR,
    ),
    "a frozen transformer": (
        lambda: (
            frozen(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).double().eval()),
            x(2, 5, 8),
        ),
        "residual plain residual plain",
    ),
    "positions first": (lambda: (Masked(False).double().eval(), tokens(), padding()), FOUR),
    "lstm": (
        lambda: (Recurrent(nn.LSTM, batch_first=True, num_layers=2).double(), x(2, 5, N)),
        "residual",
    ),
    "lstm, positions first": (lambda: (Recurrent(nn.LSTM).double(), x(5, 2, N)), "residual"),
    "lstm, both ways": (
        lambda: (
            Recurrent(nn.LSTM, batch_first=True, bidirectional=True, proj_size=2).double(),
            x(2, 5, N),
        ),
        "residual",
    ),
    "lstm with dropout": (
        lambda: (Recurrent(nn.LSTM, num_layers=2, dropout=0.5).double().train(), x(5, 2, N)),
        "residual",
    ),
    "gru": (lambda: (Recurrent(nn.GRU, batch_first=True).double(), x(2, 5, N)), "residual"),
    "rnn": (lambda: (Recurrent(nn.RNN, batch_first=True).double(), x(2, 5, N)), "residual"),
    "cells": (
        of(lambda c: lambda h: h + c(h, torch.tanh(h)), lambda: nn.GRUCell(N, N).double()),
        "residual",
    ),
    "bags": (
        lambda: (
            nn.Sequential(
                nn.EmbeddingBag(7, N), nn.Linear(N, N), nn.ReLU(), nn.Linear(N, 2)
            ).double(),
            tokens(),
        ),
        "plain linear",
    ),
    "rows of a table": (lambda: (Rows().double(), tokens()), "plain linear"),
    # Training.
    "dropout": (
        lambda: (in_training(nn.Linear(N, N), nn.Dropout(0.5), nn.Tanh(), nn.Linear(N, N)), x()),
        "plain linear",
    ),
    "dropout in a residual": (of(lambda f: lambda h: h + F.dropout(f(h), 0.5), branch), "residual"),
    "alpha dropout": (
        lambda: (in_training(nn.Linear(N, N), nn.AlphaDropout(0.5), nn.Linear(N, N)), x()),
        "linear linear",
    ),
    "attention dropout": (
        of(
            lambda f: lambda h: h + F.scaled_dot_product_attention(f(h), h, h, dropout_p=0.5),
            linear,
            at=lambda: x(2, 5, N),
        ),
        "residual",
    ),
    "batch norm": (
        lambda: (in_training(nn.Linear(N, N), nn.BatchNorm1d(N), nn.ReLU(), nn.Linear(N, N)), x()),
        "plain linear",
    ),
    "batch norm, called": (
        of(
            lambda m: (
                lambda h: torch.batch_norm(h, None, None, m[0], m[1], True, 0.1, 1e-5, False) + h
            ),
            lambda: [torch.zeros(N).double(), torch.ones(N).double()],
        ),
        "residual",
    ),
    "instance norm": (
        lambda: (
            in_training(
                nn.Conv1d(N, N, 1),
                nn.InstanceNorm1d(N, track_running_stats=True),
                nn.Conv1d(N, N, 1),
            ),
            x(2, N, 5),
        ),
        "plain linear",
    ),
    "spectral norm": (
        lambda: (in_training(spectral(), nn.Tanh(), spectral()), x()),
        "plain linear",
    ),
    "spectral norm, old": (
        lambda: (in_training(old_spectral(), nn.Tanh(), old_spectral()), x()),
        "plain linear",
    ),
    "weight norm": (lambda: (in_training(weight_normed(), nn.Tanh()), x()), "plain"),
    "hooks": (lambda: (hooked(), x()), "plain linear"),
    # What runs how.
    "a checkpoint": (lambda: (checkpointed(False), x()), "residual residual"),
    "a re-entrant checkpoint": (lambda: (checkpointed(True), x()), "residual residual"),
    "by value": (lambda: (by_value(branch(), branch()), x()), "residual residual"),
    "a round trip": (lambda: (round_trip(branch()), x()), "residual"),
    "vmap": (lambda: (transformed(branch()), x()), "residual"),
    "a slope": (lambda: (slope(branch()), x()), "residual"),
    "a functional call": (lambda: (functional(branch()), x()), "residual"),
    "attributes": (lambda: (looked(branch()), x()), "plain linear residual"),
    "data": (of(lambda f: lambda h: h + f(h).data, branch), "linear"),
    "a matrix function": (
        of(lambda: lambda h: h + torch.linalg.inv(h), at=lambda: x(2, N, N)),
        "residual",
    ),
    "a solver": (of(lambda: torch.linalg.svdvals, at=lambda: x(2, N, N)), "plain"),
}


@pytest.mark.parametrize("name", CASES)
def test_an_awkward_model_is_captured_right(name: str) -> None:
    make, expected = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own
        model, *inputs = make()
        assert kinds(check(model, *inputs)) == expected.split()


def test_dicts_tuples_and_keywords_go_in_and_out() -> None:
    batch = {"parts": (x(), None), "mask": torch.ones(3).bool()}
    found = check(Named().double(), batch, kwargs={"scale": torch.tensor(0.5).double()})
    assert "residual" in kinds(found)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.05), (torch.float16, 0.01)]
)
def test_other_precisions_are_kept(dtype: torch.dtype, tolerance: float) -> None:
    f = branch().to(dtype)
    found = check(lambda h: h + f(h), x().to(dtype), tolerance=tolerance)
    assert kinds(found) == ["residual"]
    assert found.value(found.boundaries[-1]).dtype == dtype


def test_autocast_is_replayed() -> None:
    f = branch().float()

    def run(h: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return h + f(h)

    assert kinds(check(run, x().float(), tolerance=0.05)) == ["residual"]


def test_a_module_that_is_called_again_has_a_name_for_each_call() -> None:
    found = check(Tied().double(), torch.tensor([[1, 2], [3, 4]]))
    modules = [region.modules for segment in found.segments for region in segment.regions.values()]
    assert [each for m in modules for each in m if each.startswith("blocks")] == [
        "blocks.0",
        "blocks.0@2",
        "blocks.0@3",
    ]
    assert "tokens carry no gradient: everything starts at the embedding" in found.flow.remarks


def test_custom_functions_are_tagged() -> None:
    f = branch()
    found = check(lambda h: h + f(Straight.apply(h)), x())
    assert found.segments[0].tags == ("custom",)
    functions = [r.functions for r in found.segments[0].regions.values()]
    assert functions[0][0] == "Straight"


def test_gradients_that_were_there_come_back() -> None:
    model = Checkpointed()
    model(x().requires_grad_()).sum().backward()
    kept = [weight.grad.clone() for weight in model.parameters()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an input without a gradient
        check(model, x())
    for weight, grad in zip(model.parameters(), kept, strict=True):
        assert torch.equal(weight.grad, grad)


class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = branch()

    def forward(self, h: Tensor) -> Tensor:
        return h + checkpoint(self.inner, h.clone(), use_reentrant=True)
