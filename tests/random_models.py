"""Draws random networks by seed: layers, sums, products, concatenations, sharing, changes in place.

A network is a list of instructions, each of which appends a value; it is run as it was drawn.
"""

from collections.abc import Callable
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHANNELS, SIZE, BATCH = 4, 4, 2
Instruction = Callable[[list[Tensor]], Tensor]


class RandomModel(nn.Module):
    """Values are images (batch, 4, 4, 4); the output is one image or ten numbers a sample."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.draw = Random(seed)
        self.layers = nn.ModuleList()
        self.said: list[str] = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.program = [self._instruction() for _ in range(self.draw.randint(3, 14))]
            self.head = nn.Linear(CHANNELS * SIZE * SIZE, 10) if self.draw.random() < 0.5 else None
        self.double().eval()

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for instruction in self.program:
            values.append(instruction(values))
        out = values[-1] + values[-2] if len(self.program) % 3 == 0 else values[-1]
        return out if self.head is None else self.head(out.flatten(1))

    def _instruction(self) -> Instruction:
        kind, make = self.draw.choice(KINDS)
        self.said.append(kind)
        return make(self)

    def layer(self, inputs: int = CHANNELS) -> nn.Module:
        """A new layer, or one that was used before."""
        known = [each for each in self.layers if getattr(each, "in_channels", 0) == inputs]
        if known and self.draw.random() < 0.2:
            return self.draw.choice(known)
        made = nn.Conv2d(inputs, CHANNELS, self.draw.choice((1, 3)), padding="same")
        self.layers.append(made)
        return made

    def back(self) -> Callable[[list[Tensor]], Tensor]:
        """One of the last values, most often the very last."""
        steps = self.draw.choice((1, 1, 1, 2, 3))
        return lambda values: values[-min(steps, len(values))]


def _layer(model: RandomModel) -> Instruction:
    layer, back = model.layer(), model.back()
    return lambda values: layer(back(values))


def _norm(model: RandomModel) -> Instruction:
    made = model.draw.choice(
        (
            lambda: nn.BatchNorm2d(CHANNELS),
            lambda: nn.GroupNorm(2, CHANNELS),
            lambda: nn.LayerNorm((CHANNELS, SIZE, SIZE)),
        )
    )()
    model.layers.append(made)
    back = model.back()
    return lambda values: made(back(values))


def _activation(model: RandomModel) -> Instruction:
    act = model.draw.choice((torch.relu, torch.tanh, F.silu, F.gelu, F.hardswish, torch.sin))
    back = model.back()
    return lambda values: act(back(values))


def _in_place(model: RandomModel) -> Instruction:
    layer, back, scale = model.layer(), model.back(), model.draw.choice((2.0, -1.0))
    return lambda values: F.leaky_relu(layer(back(values)).mul_(scale), 0.1, inplace=True)


def _sum(model: RandomModel) -> Instruction:
    one, other, layer = model.back(), model.back(), model.layer()
    how = model.draw.choice(
        (
            lambda a, b: a + b,
            lambda a, b: torch.add(a, b, alpha=0.5),
            lambda a, b: (b * 1.0).add_(a),
            lambda a, b: sum([a, b, a]),
            lambda a, b: a.roll(1, 3) - b,
            lambda a, b: torch.lerp(a, b, 0.3),
        )
    )
    return lambda values: how(one(values), torch.tanh(layer(other(values))))


def _gate(model: RandomModel) -> Instruction:
    one, other, layer = model.back(), model.back(), model.layer()
    pooled = model.draw.random() < 0.5

    def run(values: list[Tensor]) -> Tensor:
        gate = layer(other(values))
        gate = gate.mean((2, 3), keepdim=True) if pooled else gate
        return one(values) * torch.sigmoid(gate)

    return run


def _concatenation(model: RandomModel) -> Instruction:
    one, other, axis = model.back(), model.back(), model.draw.choice((0, 1, 2, 3))
    layer, mix = model.layer(2 * CHANNELS if axis == 1 else CHANNELS), model.layer()

    def run(values: list[Tensor]) -> Tensor:
        joined = torch.cat([torch.tanh(mix(one(values))), other(values)], axis)
        out = layer(joined)
        return out if axis == 1 else out.unflatten(axis, (2, -1)).mean(axis)

    return run


def _split(model: RandomModel) -> Instruction:
    back, first = model.back(), nn.Conv2d(CHANNELS // 2, CHANNELS // 2, 1)
    model.layers.append(first)

    def run(values: list[Tensor]) -> Tensor:
        one, other = back(values).chunk(2, 1)
        one = one + torch.relu(first(other))
        return torch.cat([other, one], 1)

    return run


def _patch(model: RandomModel) -> Instruction:
    one, other, layer = model.back(), model.back(), model.layer()

    def run(values: list[Tensor]) -> Tensor:
        out = layer(one(values)).clone()
        out[:, 1:3] = other(values)[:, :2]
        out[:, 0, 1:] *= 0.5
        return out

    return run


def _unseen(model: RandomModel) -> Instruction:
    one, other, layer = model.back(), model.back(), model.layer()

    def run(values: list[Tensor]) -> Tensor:
        with torch.no_grad():
            held = torch.tanh(layer(other(values)))
        return one(values) * 0.5 + held

    return run


def _attention(model: RandomModel) -> Instruction:
    one, other = model.back(), model.back()

    def run(values: list[Tensor]) -> Tensor:
        rows = one(values).flatten(2)
        weights = torch.softmax(rows @ rows.transpose(1, 2), -1)
        return (weights @ other(values).flatten(2)).view(-1, CHANNELS, SIZE, SIZE)

    return run


def _crossing(model: RandomModel) -> Instruction:
    """Two values side by side, a block in each, then each takes from the other; twice."""
    one, other = model.back(), model.back()
    start, blocks = model.layer(), [model.layer() for _ in range(4)]
    skip, joined = model.draw.random() < 0.3, model.draw.random() < 0.5
    last = model.layer(2 * CHANNELS) if joined else None

    def run(values: list[Tensor]) -> Tensor:
        high, low = torch.tanh(one(values)), torch.tanh(start(other(values)))
        kept = high
        for first, second in (blocks[:2], blocks[2:]):
            high = high + torch.tanh(first(high))
            low = torch.tanh(second(low)) + low
            high, low = high + 0.5 * low.roll(1, 3), torch.relu(low - high.flip(2))
        high = high + kept if skip else high
        return high + low if last is None else last(torch.cat([low, high], 1))

    return run


KINDS: tuple[tuple[str, Callable[[RandomModel], Instruction]], ...] = (
    ("layer", _layer),
    ("norm", _norm),
    ("activation", _activation),
    ("in place", _in_place),
    ("sum", _sum),
    ("sum", _sum),
    ("gate", _gate),
    ("concatenation", _concatenation),
    ("split", _split),
    ("patch", _patch),
    ("unseen", _unseen),
    ("attention", _attention),
    ("crossing", _crossing),
)


def image(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(BATCH, CHANNELS, SIZE, SIZE, generator=generator, dtype=torch.float64)
