"""Predicts the mean square of the gradient in convolutional networks with BatchNorm in train mode.

At initialisation and to leading order in width and batch, from strides, numbers of maps, padding
and image size alone, for images of independent positions; a list of E‖∂L/∂h_k‖² over that behind
the last block, k = 0 … n. Behind a mask half of a signal is left, a convolution with BatchNorm
behind it multiplies by 1/(variance of its input), whatever its weights' size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np

from derivations.errors import InputError
from numeric.laws.padded_images import (
    Profile,
    point_received,
    pooled,
    received,
    sent_back,
    spread_over,
    unpooled,
)
from numeric.laws.reflected_chances import Walk, reflected_walk_chances

Shape = tuple[int, int]


@dataclass(frozen=True)
class Rectifier:
    """φ of slope a below 0, on a standard normal: E φ′², E φ² (they agree) and E φ."""

    slope: float = 0.0

    @property
    def second(self) -> float:
        return (1 + self.slope**2) / 2

    @property
    def mean(self) -> float:
        return (1 - self.slope) / sqrt(2 * pi)


RELU = Rectifier()
HELD_GATE = 0.25
"""The mean square of a gate of ½: as positions of an image are independent, its average is 0."""
LIVE_GATE = 0.25 + 1 / 32 + 1 / 32
"""At most, a gate s = σ(W₂φ(W₁Pu)) with Var = 1/fan-in counts so: its input's variance is at most ½
(E s² ≤ ¼ + ½/16), and what is sent back through it, Pᵀ W₁ᵀ D W₂ᵀ s′ Σ_p g u, has at most 1/16 · ½
of the mean square of g, by Cauchy and Schwarz."""


@dataclass(frozen=True)
class Normed:
    """A 3×3 convolution with BatchNorm behind: the profile of its value, of mean 1, and how it
    sends signals back.
    """

    shape: Shape
    stride: int
    variance: float
    value: Profile

    def back(self, signal: Profile) -> Profile:
        return sent_back(signal, self.shape, self.stride) / self.variance


def normed(second: Profile, mean: Profile, stride: int = 1) -> Normed:
    """Of an input with these moments."""
    found = received(second, mean, stride)
    variance = float(found.mean())
    return Normed(_shape(second), stride, variance, found / variance)


def plain_signals(shape: Shape, strides: Sequence[int], slope: float = 0.0) -> list[float]:
    """Layers φ(BN(conv)) of these strides, from h₀ = φ(BN(conv(image))). A value per layer."""
    phi = Rectifier(slope)
    value, layers = _stem(shape), []
    for stride in strides:
        layers.append(normed(phi.second * value, phi.mean * np.sqrt(value), stride))
        value = layers[-1].value
    signal = np.full(value.shape, 1 / value.size)
    found = [1.0]
    for layer in reversed(layers):
        signal = layer.back(phi.second * signal)
        found.append(float(signal.sum()))
    return found[::-1]


@dataclass(frozen=True)
class Stage:
    """Blocks φ(gate·BN(conv(φ(BN(conv)))) + skip), the first of which may change the shape.

    `projected`: its skip is BN(1×1 convolution) then, with the stride of its first convolution.
    """

    blocks: int
    projected: bool = False
    stride: int = 1


@dataclass(frozen=True)
class _Block:
    first: Normed
    last: Normed
    gate: float

    def back(self, signal: Profile) -> Profile:
        return self.gate * self.first.back(RELU.second * self.last.back(signal))


def residual_signals(shape: Shape, stages: Sequence[Stage], gate: float = 1.0) -> list[float]:
    """Post-activation residual blocks, from h₀ = φ(BN(conv(image))). A value per block.

    A coordinate is a walk reflected at 0, begun anew by a projection. `gate` is the mean square of
    what multiplies a branch.
    """
    if not stages or stages[0].projected:
        raise InputError("the first stage starts at the stem: give it no projection")
    forward: list[_Stage] = []
    begun = _stem(shape)
    second, mean = RELU.second * begun, RELU.mean * np.sqrt(begun)
    for stage in stages:
        forward.append(_Stage(stage, second, mean, begun, gate))
        second, mean = forward[-1].second, forward[-1].mean
    signal = np.full(second.shape, 1 / second.size)
    found = [1.0]
    for each in reversed(forward):
        signals = each.back(signal)
        found += [float(one.sum()) for one in signals]
        signal = signals[-1]
    return found[::-1]


class _Stage:
    """Walks forward on making; then `back` sends signals."""

    def __init__(
        self, stage: Stage, second: Profile, mean: Profile, begun: Profile, gate: float
    ) -> None:
        self.gate, self.entry, self.stride = gate, None, stage.stride
        self.input_shape = _shape(second)
        first = 1.0
        if stage.projected:
            self.entry = _block(second, mean, stage.stride, gate)
            skip = point_received(second, mean, stage.stride)
            self.skip_variance = float(skip.mean())
            begun = gate * self.entry.last.value + skip / self.skip_variance
            first = 1 + gate
        steps = stage.blocks - stage.projected
        self.walk: Walk = reflected_walk_chances(steps, first, gate)
        self.blocks: list[_Block] = []
        for m in range(steps + 1):
            share = begun / self.walk.spread(m)
            second = self.walk.seconds[m] * share
            mean = self.walk.means[m] * np.sqrt(share)
            if m < steps:
                self.blocks.append(_block(second, mean, 1, gate))
                begun = begun + gate * self.blocks[-1].last.value
        self.second, self.mean = second, mean

    def back(self, signal: Profile) -> list[Profile]:
        """At h of every block of the stage, from the last block's input to the first's."""
        last, stays = len(self.blocks), self.walk.positive
        sent: dict[int, Profile] = {}

        def arriving(start: int) -> Profile:
            """What comes from behind mask `start`, through it and those up to each source."""
            total = stays[start, last] * signal
            for j, each in sent.items():
                total = total + stays[start, j - 1] * each
            return total

        found = []
        for m in range(last, 0, -1):
            sent[m] = self.blocks[m - 1].back(arriving(m))
            found.append(arriving(m))
        if self.entry is not None:
            masked = arriving(0)
            skip = spread_over(masked, self.input_shape, self.stride) / self.skip_variance
            found.append(self.entry.back(masked) + skip)
        return found


def _block(second: Profile, mean: Profile, stride: int, gate: float) -> _Block:
    first = normed(second, mean, stride)
    last = normed(RELU.second * first.value, RELU.mean * np.sqrt(first.value))
    return _Block(first, last, gate)


@dataclass(frozen=True)
class Layer:
    """BN, ReLU, 3×3 convolution to so many new maps, beside what was there."""

    maps: int


@dataclass(frozen=True)
class Pooling:
    """BN, ReLU, 1×1 convolution to so many maps, 2×2 average."""

    maps: int


@dataclass
class _Maps:
    """Maps made together: how many, their variance, their profile of mean 1, and the mean square
    signal of one of them.
    """

    maps: int
    variance: float
    value: Profile
    signal: Profile


def dense_signals(
    shape: Shape, channels: int, first: int, steps: Sequence[Layer | Pooling]
) -> list[float]:
    """Dense layers and transitions, from h₀ = conv(image), images of variance 1. A value per step.

    Weights have the variance 2/(taps · maps made), He's by fan-out.
    """
    image = np.ones(shape)
    seen = received(image, 0 * image)
    groups = [_made(first, 2 * channels / first * seen)]
    stages, kept = [groups], []
    for step in steps:
        if isinstance(step, Layer):
            value = sum(each.maps * received(*_rectified(each.value)) for each in groups)
            groups = [*groups, _made(step.maps, 2 / step.maps * np.asarray(value))]
        else:
            value = sum(each.maps * pooled(*_rectified(each.value)) for each in groups)
            groups = [_made(step.maps, 2 / step.maps * np.asarray(value))]
        stages.append(groups)
    # The head normalises each map and averages it over its positions.
    for each in groups:
        each.signal = np.full(each.value.shape, 1 / each.variance)
    kept = [_total(groups)]
    for step, before, after in zip(steps[::-1], stages[-2::-1], stages[:0:-1], strict=True):
        for each in before:
            if isinstance(step, Layer):
                back = sent_back(after[-1].maps * after[-1].signal, _shape(each.value))
                each.signal = each.signal + 2 / step.maps * RELU.second * back / each.variance
            else:
                back = unpooled(after[0].maps * after[0].signal, _shape(each.value))
                each.signal = 2 / step.maps * RELU.second * back / each.variance
        kept.append(_total(before))
    return [value / kept[0] for value in reversed(kept)]


def _made(maps: int, found: Profile) -> _Maps:
    variance = float(found.mean())
    return _Maps(maps, variance, found / variance, np.zeros_like(found))


def _rectified(value: Profile) -> tuple[Profile, Profile]:
    return RELU.second * value, RELU.mean * np.sqrt(value)


def _total(groups: Sequence[_Maps]) -> float:
    return sum(each.maps * float(each.signal.sum()) for each in groups)


def _stem(shape: Shape) -> Profile:
    """The profile of BN(conv(image))."""
    image = np.ones(shape)
    return normed(image, 0 * image).value


def _shape(profile: Profile) -> Shape:
    return profile.shape[0], profile.shape[1]
