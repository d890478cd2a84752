"""Predicts the ratio of one training batch at initialisation, and holds measured ones against it.

A prediction is read from the structure of a network by `numeric.laws.batch_norm_ratios`, without
its weights and without images; a measurement is that of `validate.measure.network_gains`. Neither
sees the other.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, stdev

from torch import Tensor, nn

from derivations.errors import InputError
from numeric import Network, Segment
from numeric.laws.batch_norm_ratios import (
    HELD_GATE,
    LIVE_GATE,
    Layer,
    Pooling,
    Stage,
    dense_signals,
    plain_signals,
    residual_signals,
)
from validate.comparison.initial_bands import REDUCTION, WIDTH, Band
from validate.measure.network_gains import measure_batch
from validate.networks.build import build
from validate.networks.leaky import LeakyActivation, with_slope
from validate.networks.segments import (
    Activation,
    DenseLayer,
    PlainBlock,
    ResidualBlock,
    SEResidualBlock,
    Transition,
)

INSIDE, OUTSIDE = "inside", "outside"
Groups = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class PredictedRatio:
    """log₁₀ ‖∂L/∂h₀‖ / ‖∂L/∂h_n‖ from end to end, and its share in each group of segments.

    `upper`: the same if every gate of an SE network, which `total` holds at ½, adds what it can at
    most; `total` where there is no gate.
    """

    total: float
    groups: Groups
    upper: float


@dataclass(frozen=True)
class MeasuredRatio:
    """The same of a training batch, a value per seed; of `groups` the means over the seeds."""

    totals: tuple[float, ...]
    groups: Groups

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return fmean(self.totals)


@dataclass(frozen=True)
class RatioRow:
    """A band beside the measurement that judges it. `deviation`: measured mean − predicted;
    `spread`: standard deviation over the seeds, None of one.
    """

    band: Band
    measured: MeasuredRatio
    deviation: float
    spread: float | None
    verdict: str


def predicted_ratio(network: Network, image_size: int) -> PredictedRatio:
    """From the structure alone: kinds of blocks, strides, numbers of maps, slopes, image size.

    Raises InputError for a network that is not one of the families as they are built, or whose
    BatchNorm is not as initialised.
    """
    _check(network)
    chain = list(network.chain())
    shape = (image_size, image_size)
    blocks = [each for each in chain if not isinstance(each[1], Activation | LeakyActivation)]
    kinds = {type(segment) for _, segment in blocks}
    slope = _slope(network)
    if kinds == {PlainBlock}:
        strides = [m.stride[0] for _, block in blocks for m in _convolutions(block)]
        return _shares(blocks, plain_signals(shape, strides, slope)[::2])
    if slope:
        raise InputError("only plain networks have a prediction with leaky ReLUs: give them ReLUs")
    if kinds == {ResidualBlock}:
        return _shares(blocks, residual_signals(shape, _stages(blocks)))
    if kinds == {SEResidualBlock}:
        stages = _stages(blocks)
        upper = residual_signals(shape, stages, LIVE_GATE)[0]
        return _shares(blocks, residual_signals(shape, stages, HELD_GATE), upper)
    if kinds and kinds <= {DenseLayer, Transition}:
        (stem,) = _convolutions(network.stem)
        steps = [
            (Layer if isinstance(block, DenseLayer) else Pooling)(
                _convolutions(block)[0].out_channels
            )
            for _, block in blocks
        ]
        signals = dense_signals(shape, stem.in_channels, stem.out_channels, steps)
        return _shares(blocks, signals)
    names = ", ".join(sorted(kind.__name__ for kind in kinds)) or "nothing"
    raise InputError(
        f"no law predicts a chain of {names}: give a plain, residual, se_residual or dense network"
    )


def measured_ratio(networks: Iterable[Network], x: Tensor, y: Tensor) -> MeasuredRatio:
    """Of one batch, in every network, in train mode; raises InputError if a signal is lost."""
    totals, shares = [], []
    for network in networks:
        found = measure_batch(network, x, y)
        logs = [_log(gain) for gain in found.gains]
        totals.append(_log(found.total))
        shares.append(dict(_grouped([name for name, _ in network.chain()], logs)))
    if not totals:
        raise InputError("no network to measure: give at least one seed")
    return MeasuredRatio(
        tuple(totals), tuple((name, fmean(each[name] for each in shares)) for name in shares[0])
    )


def judged(band: Band, seeds: Sequence[int], x: Tensor, y: Tensor) -> RatioRow:
    """A band against the mean over these seeds, on a batch of images x and labels y."""
    found = measured_ratio((drawn(band.network, band.slope, x, seed) for seed in seeds), x, y)
    deviation = found.mean - band.predicted
    return RatioRow(
        band,
        found,
        deviation,
        stdev(found.totals) if len(found.totals) > 1 else None,
        INSIDE if abs(deviation) <= band.half_width else OUTSIDE,
    )


def drawn(name: str, slope: float, x: Tensor, seed: int) -> Network:
    """The network that a band is about, for such images."""
    network = build(
        name,
        in_channels=x.shape[1],
        image_size=x.shape[2],
        width=WIDTH,
        reduction=REDUCTION,
        seed=seed,
    )
    return with_slope(network, slope) if slope else network


def _shares(
    blocks: list[tuple[str, Segment]], signals: list[float], upper: float | None = None
) -> PredictedRatio:
    logs = [math.log10(before / after) / 2 for before, after in pairwise(signals)]
    return PredictedRatio(
        math.log10(signals[0]) / 2,
        _grouped([name for name, _ in blocks], logs),
        math.log10(upper or signals[0]) / 2,
    )


def _grouped(names: Sequence[str], logs: Sequence[float]) -> Groups:
    """Sums by what stands before "_": stage1, transition1, stage2, …"""
    sums: dict[str, float] = {}
    for name, value in zip(names, logs, strict=True):
        group = name.partition("_")[0]
        sums[group] = sums.get(group, 0.0) + value
    return tuple(sums.items())


def _log(ratio: float) -> float:
    if not ratio > 0:
        raise InputError(f"a ratio of {ratio} has no logarithm: give a network that sends a signal")
    return math.log10(ratio)


def _stages(blocks: list[tuple[str, Segment]]) -> list[Stage]:
    """A stage begins at each projection."""
    stages: list[Stage] = []
    for name, block in blocks:
        assert isinstance(block, ResidualBlock | SEResidualBlock)
        stride = _convolutions(block.branch)[0].stride[0]
        same = isinstance(block.shortcut, nn.Identity)
        if not same and not _convolutions(block.shortcut):
            raise InputError(f"{name}: no law predicts a shortcut without weights: use projections")
        if same and stages:
            stages[-1] = Stage(stages[-1].blocks + 1, stages[-1].projected, stages[-1].stride)
        else:
            stages.append(Stage(1, not same, stride))
    return stages


def _convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [each for each in module.modules() if isinstance(each, nn.Conv2d)]


def _slope(network: Network) -> float:
    """The one slope below 0 of all its ReLUs."""
    slopes = set()
    for module in network.modules():
        if isinstance(module, nn.ReLU | Activation):
            slopes.add(0.0)
        elif isinstance(module, nn.LeakyReLU):
            slopes.add(float(module.negative_slope))
        elif isinstance(module, LeakyActivation):
            slopes.add(module.slope)
    if len(slopes) != 1:
        raise InputError(f"ReLUs of {len(slopes)} slopes: a law needs one that all share")
    return slopes.pop()


def _check(network: Network) -> None:
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and not _usual(module):
            raise InputError(
                f"{name}: no law for this convolution: use 3×3 with padding 1, or 1×1, zero padding"
            )
        if isinstance(module, nn.BatchNorm2d) and not (
            module.affine and (module.weight == 1).all() and (module.bias == 0).all()
        ):
            raise InputError(
                f"{name}: BatchNorm is not as initialised (weight 1, bias 0), which the laws are "
                "about: give an untrained network"
            )


def _usual(module: nn.Conv2d) -> bool:
    return (
        (module.kernel_size, module.padding) in (((3, 3), (1, 1)), ((1, 1), (0, 0)))
        and module.groups == 1
        and module.bias is None
        and module.padding_mode == "zeros"
        and module.dilation == (1, 1)
        and module.stride[0] == module.stride[1]
    )
