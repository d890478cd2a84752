"""Awkward ways to write a network: the capture has the right kinds, values and pullbacks."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from captured import check, kinds
from torch import Tensor, nn

from derivations.algebra.terms import Add, Concat, Gate, Identity, Layer, Linear
from numeric.evaluation.realize import realize

N = 4


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def x(*shape: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*(shape or (3, N)), generator=generator, dtype=torch.float64)


def image() -> Tensor:
    return x(2, N, 6, 6)


def linear(inputs: int = N, outputs: int = N) -> nn.Module:
    return nn.Linear(inputs, outputs).double()


def branch(width: int = N) -> nn.Module:
    return nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width)).double()


def conv(inputs: int = N, outputs: int = N) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 3, padding=1).double()


def images() -> nn.Module:
    return nn.Sequential(conv(), nn.ReLU()).double()


Model = Callable[..., Any]
Made = Callable[[], tuple[Any, ...]]
WRITINGS: dict[str, Callable[[Model], Model]] = {
    "plus": lambda f: lambda h: h + f(h),
    "in place": lambda f: lambda h: f(h).add_(h),
    "function": lambda f: lambda h: torch.add(h, f(h)),
    "sum": lambda f: lambda h: sum([h, f(h)]),
    "iadd": lambda f: lambda h: f(h).__iadd__(h),
    "alpha of 1": lambda f: lambda h: torch.add(f(h), h, alpha=1),
    "copies": lambda f: lambda h: h.clone() + f(h.view(-1, N)).contiguous(),
    "dropout at rest": lambda f: lambda h: h + F.dropout(f(h), 0.5, training=False),
    "identities": lambda f: lambda h: nn.Identity()(h) + f(nn.Identity()(h)),
    "a dict": lambda f: lambda h: {"f": h + f(h)}["f"],
    "out": lambda f: lambda h: torch.empty_like(h).copy_(h) + f(h),
}


@pytest.mark.parametrize("writing", WRITINGS)
def test_a_residual_block_is_one_however_it_is_written(writing: str) -> None:
    found = check(WRITINGS[writing](branch()), x())
    assert kinds(found) == ["residual"]
    assert set(found.segments[0].term.parts) == {Identity(), Layer("F_1")}


def with_skip(skip: Model, width: int = N) -> Made:
    def make() -> tuple[Any, ...]:
        f = branch(width)
        return (lambda h: skip(h) + f(h)), x(3, width)

    return make


def of(make: Callable[..., Model], *parts: Callable[[], Any], at: Callable[[], Any] = x) -> Made:
    """Makes a model of parts, and gives it an input."""

    def made() -> tuple[Any, ...]:
        found = at()
        inputs = found if isinstance(found, tuple) else (found,)
        return make(*(part() for part in parts)), *inputs

    return made


def no_grad_branch(f: Model) -> Model:
    def run(h: Tensor) -> Tensor:
        with torch.no_grad():
            held = f(h)
        return h + held

    return run


def slices(f: Model) -> Model:
    def run(h: Tensor) -> Tensor:
        out = torch.zeros(len(h), 2 * N, dtype=h.dtype)
        out[:, :N] = h
        out[:, N:] = f(h)
        return out

    return run


def overwritten(f: Model) -> Model:
    def run(h: Tensor) -> Tensor:
        y = f(h) * 2
        y.copy_(torch.ones_like(h))
        return y + f(h)

    return run


def patched(f: Model) -> Model:
    def run(h: Tensor) -> Tensor:
        y = f(h).clone()
        y[:, 1:3] *= h[:, 1:3]
        y[:, 0].add_(h[:, 3])
        return y

    return run


def by_view(f: Model) -> Model:
    def run(h: Tensor) -> Tensor:
        y = h * 1.0
        y.view(-1).mul_(2)
        return f(y) + y

    return run


def windows(f: Model) -> Model:
    """Views that fit one layout in memory alone."""

    def run(h: Tensor) -> Tensor:
        w = h.view(2, 2, 2, 2, 2, N).transpose(2, 3).contiguous().view(8, 4, N)
        w = f(w).view(2, 2, 2, 2, 2, N).transpose(2, 3).contiguous().view(2, 4, 4, N)
        return h.permute(0, 2, 1, 3) + w.transpose(1, 2)

    return run


def by_memory(f: Model) -> Model:
    """What entries it takes depends on their order in memory."""
    return lambda h: torch.as_strided(torch.tanh(f(h).t()), (3, 2), (N, 1))


def rms(h: Tensor) -> Tensor:
    return h * torch.rsqrt(h.square().mean(-1, keepdim=True) + 1e-6)


def softmax(h: Tensor) -> Tensor:
    e = torch.exp(h - h.amax(-1, keepdim=True))
    return e * (1 / e.sum(-1, keepdim=True))


def gelu(h: Tensor) -> Tensor:
    return 0.5 * h * (1 + torch.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))


def swish(h: Tensor) -> Tensor:
    return h * torch.sigmoid(h)


def carried(h: Tensor, f: Tensor, t: Tensor) -> Tensor:
    return t * f + (1 - t) * h


def squeezed(f: Model) -> Model:
    return lambda h: h + f(h) * torch.sigmoid(f(h).mean((2, 3), keepdim=True))


def attention(weights: Sequence[nn.Module]) -> Model:
    q, k, v = weights

    def run(h: Tensor) -> Tensor:
        scores = q(h) @ k(h).transpose(1, 2) / math.sqrt(N)
        return h + torch.softmax(scores, -1) @ v(h)

    return run


def reversible(f: Model, g: Model) -> Model:
    def run(h: Tensor) -> Tensor:
        one, other = h.chunk(2, 1)
        one = one + f(other)
        other = other + g(one)
        return torch.cat([one, other], 1)

    return run


def dense(blocks: Sequence[nn.Module]) -> Model:
    def run(h: Tensor) -> Tensor:
        states = [h]
        for block in blocks:
            states.append(block(torch.cat(states, 1)))
        return torch.cat(states, 1)

    return run


def experts(router: nn.Module, parts: Sequence[nn.Module], top: int | None) -> Model:
    def run(h: Tensor) -> Tensor:
        weights = torch.softmax(router(h), -1)
        if top is None:
            chosen = weights.argmax(-1)
            out = torch.zeros_like(h)
            for index, part in enumerate(parts):
                rows = (chosen == index).nonzero()[:, 0]
                if rows.numel():
                    out = out.index_add(0, rows, part(h[rows]))
            return out
        best, where = weights.topk(top, -1)
        every = torch.stack([part(h) for part in parts], 1)
        taken = every.gather(1, where[..., None].expand(-1, -1, N))
        return (best[..., None] * taken).sum(1)

    return run


def grown(blocks: Sequence[nn.Module]) -> Model:
    """Every block takes the sum of all before it: joins that are not series-parallel."""

    def run(h: Tensor) -> Tensor:
        before, now = h, blocks[0](h)
        for block in blocks[1:]:
            before, now = now, now + block(before)
        return now

    return run


def unet(f: nn.Module, g: nn.Module) -> Model:
    def run(h: Tensor) -> Tensor:
        one = f(h)
        two = g(F.avg_pool2d(one, 2))
        return torch.cat([one, F.interpolate(two, scale_factor=2)], 1)

    return run


CASES: dict[str, tuple[Made, str]] = {
    # Skips.
    "a skip of half": (with_skip(lambda h: 0.5 * h), "residual"),
    "a skip that rolls": (with_skip(lambda h: h.roll(1, 1)), "residual"),
    "a skip that flips": (with_skip(lambda h: h.flip(1)), "residual"),
    "a skip by a cast": (with_skip(lambda h: h.float().double()), "residual"),
    "a skip that broadcasts": (with_skip(lambda h: h.mean(1, keepdim=True)), "residual"),
    "a skip that is negative": (with_skip(torch.neg), "residual"),
    "a skip by convolution": (
        of(lambda f, s: lambda h: f(h) + s(h), images, conv, at=image),
        "residual",
    ),
    "a skip that is detached": (of(lambda f: lambda h: h.detach() + f(h), branch), "plain linear"),
    "a skip by sub": (of(lambda f, g: lambda h: h - f(h), branch, branch), "residual"),
    "a skip by rsub": (of(lambda f, g: lambda h: torch.rsub(f(h), h), branch, branch), "residual"),
    "a skip by alpha": (
        of(lambda f, g: lambda h: torch.add(h, f(h), alpha=2), branch, branch),
        "residual",
    ),
    "a skip by lerp": (
        of(lambda f, g: lambda h: torch.lerp(h, f(h), 0.25), branch, branch),
        "residual",
    ),
    "a skip by addcmul": (
        of(
            lambda f, g: lambda h: torch.addcmul(h, f(h), torch.full((1,), 0.5).double()),
            branch,
            branch,
        ),
        "residual",
    ),
    "a skip that transposes": (
        of(lambda f: lambda h: h.transpose(1, 2) + f(h), branch, at=lambda: x(2, N, N)),
        "residual",
    ),
    "a skip over all": (of(lambda f, g: lambda h: g(f(h)) + h, linear, linear), "residual"),
    "three skips": (of(lambda f, g: lambda h: h + f(h) + g(h), branch, branch), "residual"),
    "a skip twice": (of(lambda f, g: lambda h: h + h + f(h), branch, branch), "residual"),
    "twice": (of(lambda: lambda h: h + h), "linear"),
    "a maximum is no sum": (
        of(lambda f, g: lambda h: torch.maximum(h, f(h)), branch, branch),
        "plain",
    ),
    "a mean of two": (of(lambda f, g: lambda h: (f(h) + g(h)) / 2, branch, branch), "sum linear"),
    "a stack and a mean": (
        of(lambda f, g: lambda h: torch.stack([f(h), h], 1).mean(1), branch, branch),
        "residual linear",
    ),
    "a constant beside": (
        of(lambda f, g: lambda h: f(h) + torch.ones(N).double(), branch, branch),
        "plain linear",
    ),
    "a constant of its own": (
        of(lambda f, g: lambda h: torch.ones_like(h) + f(h), branch, branch),
        "plain linear",
    ),
    "a detached branch": (of(lambda f, g: lambda h: h + f(h).detach(), branch, branch), "linear"),
    "a branch without grad": (of(no_grad_branch, branch), "linear"),
    "a relu in place first": (
        of(lambda f: lambda h: h + f(F.relu(h, inplace=True)), linear),
        "plain residual",
    ),
    "a relu in place inside": (
        lambda: (nn.Sequential(nn.Linear(N, N), nn.ReLU(True), nn.Linear(N, N)).double(), x()),
        "plain linear",
    ),
    # In place and views.
    "slices assigned": (of(slices, branch), "residual"),
    "overwritten": (of(overwritten, branch), "plain linear"),
    "patched": (of(patched, branch), "plain"),
    "changed by a view": (of(by_view, branch), "linear residual"),
    "masked fill": (
        of(lambda f, g: lambda h: h + f(h).masked_fill_(x() > 0, 0.0), branch, branch),
        "residual",
    ),
    "swapped halves": (
        of(lambda f: lambda h: torch.cat(h.chunk(2, 1)[::-1], 1) + f(h), branch),
        "residual",
    ),
    "split": (
        of(
            lambda f, g: lambda h: torch.cat([f(h[:, :2]), h[:, 2:]], 1),
            lambda: branch(2),
            lambda: branch(2),
        ),
        "concat",
    ),
    "unbound": (
        of(lambda f: lambda h: sum(f(part) for part in h.unbind(2)), branch, at=lambda: x(2, N, 3)),
        "sum",
    ),
    "windows": (of(windows, branch, at=lambda: x(2, 4, 4, N)), "residual"),
    "by memory": (of(by_memory, linear), "plain"),
    "strided": (of(lambda f: lambda h: f(h[:, ::2]), lambda: branch(2)), "plain linear"),
    # Products.
    "a masked relu": (of(lambda: lambda h: h * (h > 0)), "plain"),
    "a chosen relu": (of(lambda: lambda h: torch.where(h > 0, h, 0.1 * h)), "plain"),
    "a reciprocal": (of(lambda: lambda h: 1 / (2 + h * h)), "plain"),
    "a swish by hand": (
        of(lambda f: lambda h: swish(f(h)), linear),
        "plain",
    ),
    "a gelu by hand": (of(lambda f: lambda h: gelu(f(h)), linear), "plain"),
    "a softmax by hand": (of(lambda f: lambda h: softmax(f(h)), linear), "linear residual plain"),
    "an rms norm by hand": (of(lambda f: lambda h: h + f(rms(h)), linear), "residual"),
    "a square": (of(lambda: lambda h: h * h), "plain"),
    "a gate": (of(lambda f, g: lambda h: f(h) * torch.sigmoid(g(h)), branch, branch), "gate"),
    "a product": (of(lambda f, g: lambda h: f(h) * g(h), branch, branch), "product"),
    "a gate in place": (
        of(lambda f, g: lambda h: f(h).mul_(g(h).sigmoid()), branch, branch),
        "gate",
    ),
    "a glu": (of(lambda f: lambda h: F.glu(f(h), 1), lambda: linear(N, 2 * N)), "plain"),
    "a highway": (
        of(
            lambda f, g: lambda h: carried(h, f(h), torch.sigmoid(g(h))),
            branch,
            branch,
        ),
        "input_gate",
    ),
    "squeeze and excite": (
        of(lambda f, g: squeezed(f), images, images, at=image),
        "gated_residual",
    ),
    "an input gate": (of(lambda f, g: lambda h: h * torch.sigmoid(f(h)), branch, branch), "gate"),
    "attention by hand": (
        lambda: (attention([linear(), linear(), linear()]), x(2, 5, N)),
        "residual",
    ),
    "attention": (
        of(
            lambda q: lambda h: h + F.scaled_dot_product_attention(q(h), h, h),
            linear,
            at=lambda: x(2, 5, N),
        ),
        "residual",
    ),
    "einsum": (
        of(lambda w: lambda h: h + torch.einsum("bi,ij->bj", h, w).tanh(), lambda: x(N, N)),
        "residual",
    ),
    "bilinear": (of(lambda m: lambda h: m(h, h), lambda: nn.Bilinear(N, N, N).double()), "plain"),
    # Concatenations.
    "dense": (
        lambda: (
            dense([nn.Sequential(conv(N * (i + 1), N), nn.ReLU()) for i in range(3)]),
            image(),
        ),
        "dense dense dense",
    ),
    "inception": (
        of(lambda f, g: lambda h: torch.cat([f(h), g(h)], 1), images, images, at=image),
        "concat",
    ),
    "along the batch": (
        of(lambda f, g: lambda h: torch.cat([h, f(h)], 0).view(2, -1, N).mean(0), branch, branch),
        "plain",
    ),
    "along the batch only": (
        of(lambda f, g: lambda h: g(torch.cat([f(h), h], 0))[:3], branch, branch),
        "plain linear",
    ),
    "along the last axis": (
        of(lambda f: lambda h: torch.cat([f(h), h], -1), images, at=image),
        "dense",
    ),
    "along a middle axis": (
        of(lambda f: lambda h: torch.cat([f(h), h], 2), images, at=image),
        "dense",
    ),
    "twice the same": (of(lambda: lambda h: torch.cat([h, h], 1)), "dense"),
    "a constant column": (
        of(
            lambda f, g: lambda h: torch.cat([f(h), torch.ones(len(h), 1).double()], 1),
            branch,
            branch,
        ),
        "plain linear",
    ),
    "a u-net": (lambda: (unet(images(), images()), image()), "plain dense"),
    # Wiring.
    "reversible": (lambda: (reversible(branch(2), branch(2)), x()), "concat"),
    "experts, hard": (
        lambda: (experts(linear(N, 3), [branch() for _ in range(3)], None), x(8, N)),
        "plain",
    ),
    "experts, top 2": (
        lambda: (experts(linear(N, 3), [branch() for _ in range(3)], 2), x(8, N)),
        "gate linear",
    ),
    "two steps back": (lambda: (grown([branch() for _ in range(4)]), x()), "sum"),
    "stochastic depth": (
        of(lambda f, g: lambda h: h + f(h) * (torch.rand(len(h), 1) > 0.5), branch, branch),
        "residual",
    ),
    "zero at first": (
        of(lambda f: lambda h: h + torch.zeros(1).double() * f(h), branch),
        "residual",
    ),
    "a pyramid": (
        of(
            lambda f, g: lambda h: f(h) + F.interpolate(g(F.max_pool2d(h, 2)), size=6),
            images,
            images,
            at=image,
        ),
        "sum",
    ),
    "a literal batch": (
        of(lambda f, g: lambda h: f(h).view(2, -1) + h.view(2, -1), images, images, at=image),
        "residual",
    ),
    "a fourier mixer": (
        of(
            lambda f, g: lambda h: h + torch.fft.irfft(torch.fft.rfft(f(h)) * 2, n=N),
            branch,
            branch,
        ),
        "residual",
    ),
    "complex sums": (
        of(lambda f, g: lambda h: (torch.fft.fft(h) + torch.fft.fft(f(h))).real, branch, branch),
        "plain",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_awkward_module_is_captured_right(name: str) -> None:
    make, expected = CASES[name]
    model, *inputs = make()
    assert kinds(check(model, *inputs)) == expected.split()


def test_branches_without_a_gradient_leave_a_gain_of_exactly_one() -> None:
    f = branch()
    for model in (no_grad_branch(f), lambda h: h + f(h).detach(), lambda h: h + 0.0 * f(h)):
        found = check(model, x())
        entry = found.value(found.boundaries[0]).requires_grad_()
        (segment,) = found.segments
        out = realize(segment.term, segment.regions)(entry)
        (pulled,) = torch.autograd.grad(out, entry, torch.ones_like(out))
        assert torch.equal(pulled, torch.ones_like(pulled))


def test_the_terms_of_joins_are_written_out() -> None:
    f, g = branch(), branch()
    highway = check(lambda h: h + f(h) * torch.sigmoid(g(h)), x()).segments[0].term
    assert highway == Add(Identity(), Gate(Layer("F_1"), Layer("F_2")))
    moved = check(lambda h: torch.cat([f(h), h], -1), x(2, 3, N)).segments[0].term
    assert moved.parts[0] == Concat(
        *(moved.parts[0].parts[0].parts[:1] and [moved.parts[0].parts[0], Linear("W_2")])
    )


def test_an_operation_in_place_that_breaks_backward_is_broken_in_the_capture_too() -> None:
    f = branch()

    def broken(h: Tensor) -> Tensor:
        y = torch.sigmoid(f(h))
        y.mul_(2)
        return y

    with pytest.raises(ValueError, match=r"own backward pass fails: .* an inplace operation"):
        check(broken, x())
