"""Records what the laws of random weights predict beside what autograd sees, for figures.

`python -m validate.comparison.law_records` makes the recorded files again (a minute); seeds and
numbers of draws are fixed. A prediction comes from `numeric.laws`, a measurement from
`validate.measure`; neither sees the other.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field

from numeric.laws import (
    GeneralizedChiSquare,
    Geometry,
    convolution_law,
    gain_cdf,
    goodness_of_fit,
    independent_law,
    masked_law,
)
from validate.comparison.compare_depth import (
    FINITE_WIDTH,
    TABLE_DEPTHS,
    compare_curve,
    table_trial,
)
from validate.measure.drawn_gains import convolution_squares, dense_squares
from validate.records.codec import read_jsonl, write_jsonl
from validate.records.versions import Record

RECORDED_LAWS = Path(__file__).parents[1] / "results" / "laws"
"""The records that come with the package."""
DEPTH_FILE, HISTOGRAM_FILE = "depth.jsonl", "histograms.jsonl"
WIDTH = 64
DRAWS = 20_000
SEED = 0
BINS = 40
POINTS_PER_BIN = 5
FEATURES, MAPS, SIDE, CHANNELS, KERNEL = 24, 16, 6, 2, 3


class DepthCurveRow(Record):
    """E‖∂L/∂x₀‖² / E‖∂L/∂x_block‖² through the first blocks of stacks of `depth`, χ = 1: predicted
    in the limit, measured at `width` with its standard `error`; `allowed`: the relative deviation
    that is stated for the width.
    """

    schema_: Literal["gradbound.depth_law/1"] = Field(
        default="gradbound.depth_law/1", alias="schema"
    )
    network: str
    depth: int
    width: int
    draws: int
    block: int
    predicted: float
    measured: float
    error: float
    allowed: float


class HistogramRow(Record):
    """Gains of one layer over draws of its weights: `counts` between `edges`, the law's `density`
    at the `points`, and the Kolmogorov–Smirnov distance of the two with its p-value.
    """

    schema_: Literal["gradbound.gain_histogram/1"] = Field(
        default="gradbound.gain_histogram/1", alias="schema"
    )
    law: Literal["dense", "masked", "convolution"]
    draws: int
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    points: tuple[float, ...]
    density: tuple[float, ...]
    distance: float
    p_value: float


def depth_rows(width: int = WIDTH, seed: int = SEED) -> list[DepthCurveRow]:
    """Of every depth law, block by block from the input on, from one simulation each."""
    return [row for network in TABLE_DEPTHS for row in depth_curve(network, width, seed)]


def depth_curve(network: str, width: int, seed: int) -> list[DepthCurveRow]:
    """One law."""
    trial = table_trial(network, width, seed)
    return [
        DepthCurveRow(
            network=network,
            depth=trial.depth,
            width=width,
            draws=trial.draws,
            block=block,
            predicted=predicted,
            measured=measured.value,
            error=measured.error,
            allowed=FINITE_WIDTH[network] * block / width,
        )
        for block, (predicted, measured) in enumerate(compare_curve(trial), start=1)
    ]


def histogram_rows(draws: int = DRAWS, seed: int = SEED) -> list[HistogramRow]:
    """A residual block's gain over its weights: a dense branch, one behind a ReLU, a convolution.

    The signal g reaches the branch and the skip alike: h = v = g.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    x, g = normal(FEATURES), normal(FEATURES)
    image, signal = normal(CHANNELS, SIDE, SIDE), normal(CHANNELS, SIDE, SIDE)
    std, taps = (1 / FEATURES) ** 0.5, (1 / (CHANNELS * KERNEL**2)) ** 0.5
    geometry = Geometry((KERNEL, KERNEL), padding=(KERNEL // 2, KERNEL // 2))
    batch, images = g[None], signal[None]
    return [
        histogram(
            "dense", independent_law(std, batch, batch), g, dense_squares(std, x, g, g, draws, seed)
        ),
        histogram(
            "masked",
            masked_law(std, batch, batch, x[None] > 0),
            g,
            dense_squares(std, x, g, g, draws, seed, relu=True),
        ),
        histogram(
            "convolution",
            convolution_law(taps, images, images, geometry),
            signal,
            convolution_squares(taps, image, signal, signal, KERNEL, draws, seed),
        ),
    ]


def histogram(
    name: Literal["dense", "masked", "convolution"],
    law: GeneralizedChiSquare,
    signal: torch.Tensor,
    squares: torch.Tensor,
) -> HistogramRow:
    """The gains ‖∂L/∂x‖ / ‖g‖ that were measured, in bins, and the density that was predicted."""
    length = float(signal.norm())
    gains = (squares.sqrt() / length).numpy()
    edges = np.linspace(gains.min(), gains.max(), BINS + 1)
    counts, _ = np.histogram(gains, edges)
    fine = np.linspace(edges[0], edges[-1], BINS * POINTS_PER_BIN + 1)
    one = GeneralizedChiSquare(law.shift[0], law.weights[0], law.dofs[0], law.squares[0])
    chances = gain_cdf(one, length, fine)
    fit = goodness_of_fit(one, squares.numpy())
    return HistogramRow(
        law=name,
        draws=len(gains),
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        points=tuple(((fine[1:] + fine[:-1]) / 2).tolist()),
        density=tuple((np.diff(chances) / np.diff(fine)).tolist()),
        distance=fit.distance,
        p_value=fit.p_value,
    )


def read_depth(folder: Path = RECORDED_LAWS) -> list[DepthCurveRow]:
    """The recorded rows; raises InputError where they are missing or damaged."""
    return read_jsonl(folder / DEPTH_FILE, DepthCurveRow)


def read_histograms(folder: Path = RECORDED_LAWS) -> list[HistogramRow]:
    """The same of the histograms."""
    return read_jsonl(folder / HISTOGRAM_FILE, HistogramRow)


def record(folder: Path = RECORDED_LAWS) -> tuple[Path, ...]:
    """Makes both files again."""
    folder.mkdir(parents=True, exist_ok=True)
    write_jsonl(folder / HISTOGRAM_FILE, histogram_rows())
    write_jsonl(folder / DEPTH_FILE, depth_rows())
    return folder / HISTOGRAM_FILE, folder / DEPTH_FILE


if __name__ == "__main__":
    parser = ArgumentParser(description="Make the records of the laws again (a minute).")
    parser.add_argument("folder", nargs="?", type=Path, default=RECORDED_LAWS)
    sys.stdout.writelines(f"{path}\n" for path in record(parser.parse_args().folder))
