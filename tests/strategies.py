"""Draws blocks that run: terms, torch modules for their leaves, and an input."""

from dataclasses import dataclass

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from twins import dense_twin

from derivations.algebra.terms import (
    Add,
    Chain,
    Concat,
    Gate,
    Identity,
    Layer,
    Linear,
    Pointwise,
    Term,
)
from numeric import Realized, realize

DTYPES = (torch.float32, torch.float64)


@dataclass(frozen=True)
class DrawnBlock:
    """A term, a module for each of its leaves, and an input x (batch, *in)."""

    term: Term
    leaves: dict[str, nn.Module]
    x: Tensor

    @property
    def module(self) -> Realized:
        return realize(self.term, self.leaves).eval()

    def reach(self) -> Tensor:  # -> (batch, m, n)
        """No entry of the Jacobian is a sum of more than this, before its terms cancel.

        What rounding is relative to: entries of weights, gates and signals by their magnitude, and
        slopes of activations by 1, their bound.
        """
        return _reach(self.term, self.x, self.leaves)

    def __repr__(self) -> str:
        return f"DrawnBlock({self.term}, {self.leaves}, x of {tuple(self.x.shape)} {self.x.dtype})"


def gaussian(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Independent standard normal numbers."""
    return torch.randn(
        *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    ).to(dtype)


@st.composite
def drawn_blocks(draw, square: bool = False, depth: int = 3) -> DrawnBlock:
    """A block on vectors (n,) or images (c, h, w), float32 or float64; `square` makes output and
    input shapes equal.
    """
    channels, spatial = (
        draw(st.integers(1, 4)),
        draw(st.sampled_from([(), (), (1, 1), (2, 3), (3, 3)])),
    )
    dtype, seed, batch = (
        draw(st.sampled_from(DTYPES)),
        draw(st.integers(0, 2**16)),
        draw(st.integers(1, 3)),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        builder = _Builder(draw, spatial)
        term = builder.term(channels, channels if square else draw(st.integers(1, 4)), depth)
        leaves = {name: module.to(dtype).eval() for name, module in builder.leaves.items()}
    return DrawnBlock(term, leaves, gaussian(batch, channels, *spatial, seed=seed, dtype=dtype))


class _Builder:
    """Draws terms between given numbers of channels, and builds the leaves that they name."""

    def __init__(self, draw, spatial: tuple[int, ...]) -> None:
        self.draw, self.spatial = draw, spatial
        self.leaves: dict[str, nn.Module] = {}
        self.fitting: dict[tuple[str, int, int], list[str]] = {}

    def term(self, inputs: int, outputs: int, depth: int) -> Term:
        kinds = ["layer", "linear"]
        if inputs == outputs:
            kinds += ["identity", "pointwise"]
        if depth:
            kinds += ["chain", "add", "gate"] + (["concat"] if outputs > 1 else [])
        match self.draw(st.sampled_from(kinds)):
            case "identity":
                return Identity()
            case "chain":
                middle = self.draw(st.integers(1, 4))
                return Chain(
                    self.term(inputs, middle, depth - 1), self.term(middle, outputs, depth - 1)
                )
            case "add":
                return Add(
                    *(
                        self.term(inputs, outputs, depth - 1)
                        for _ in range(self.draw(st.integers(1, 3)))
                    )
                )
            case "gate":
                return Gate(
                    self.term(inputs, outputs, depth - 1), self.term(inputs, outputs, depth - 1)
                )
            case "concat":
                first = self.draw(st.integers(1, outputs - 1))
                return Concat(
                    self.term(inputs, first, depth - 1),
                    self.term(inputs, outputs - first, depth - 1),
                )
            case kind:
                return self.leaf(kind, inputs, outputs)

    def leaf(self, kind: str, inputs: int, outputs: int) -> Term:
        node = {"layer": Layer, "linear": Linear, "pointwise": Pointwise}[kind]
        known = self.fitting.setdefault((kind, inputs, outputs), [])
        name = self.draw(st.sampled_from([*known, f"{kind}{len(self.leaves)}"]))
        if name not in self.leaves:
            self.leaves[name] = self.module(kind, inputs, outputs)
            known.append(name)
        return node(name)

    def module(self, kind: str, inputs: int, outputs: int) -> nn.Module:
        if kind == "pointwise":
            return self.draw(st.sampled_from([nn.Tanh, nn.ReLU, nn.Sigmoid]))()
        if kind == "linear":
            return self.affine(inputs, outputs)
        hidden, activation = (
            self.draw(st.integers(1, 4)),
            self.draw(st.sampled_from([nn.Tanh(), nn.ReLU(), nn.ReLU(inplace=True)])),
        )
        return nn.Sequential(self.affine(inputs, hidden), activation, self.affine(hidden, outputs))

    def affine(self, inputs: int, outputs: int) -> nn.Module:
        return (
            nn.Conv2d(inputs, outputs, 3, padding=1) if self.spatial else nn.Linear(inputs, outputs)
        )


def _reach(term: Term, x: Tensor, leaves: dict[str, nn.Module]) -> Tensor:
    def part(each: Term) -> Tensor:
        return _reach(each, x, leaves)

    def value(each: Term) -> Tensor:
        return realize(each, leaves)(x).detach().flatten(1).abs()[:, :, None]

    match term:
        case Identity() | Pointwise():
            return torch.eye(x[0].numel(), dtype=x.dtype).expand(len(x), -1, -1)
        case Layer(name) | Linear(name):
            return _leaf_reach(leaves[name], x)
        case Chain(parts=(first, second)):
            between = realize(first, leaves)(x).detach()
            return _reach(second, between, leaves) @ part(first)
        case Add(parts=parts):
            return torch.stack([part(each) for each in parts]).sum(0)
        case Concat(parts=parts):
            return torch.cat([part(each) for each in parts], 1)
        case Gate(signal, gate):
            return value(gate) * part(signal) + value(signal) * part(gate)
    raise AssertionError(f"no reach of {term}")


def _leaf_reach(leaf: nn.Module, x: Tensor) -> Tensor:
    total = _reach(Identity(), x, {})
    for layer in leaf if isinstance(leaf, nn.Sequential) else [leaf]:
        if not isinstance(layer, nn.ReLU | nn.Tanh):
            total = dense_twin.jacobian(layer, x).abs() @ total
        x = layer(x.clone()).detach()
    return total
