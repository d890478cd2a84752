"""Reproduces published statements about random layers: what is published, exact, and measured.

Each check's tolerance is four of its own standard errors, or half a unit in the last printed digit
where nothing is random. `gradbound check-laws published` prints the table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import sympy as sp

from derivations.algebra.letters import DEPTH
from derivations.laws.published_laws import (
    FUSS_CATALAN,
    HANIN,
    PENNINGTON,
    VEIT,
    WIDTH,
    path_lengths,
    spectral_edge,
    spectrum,
    squared_norm_spread,
)
from numeric import circular_singular_values
from validate.measure.random_layers import (
    Estimate,
    convolution_norm,
    largest_singular_value,
    norm_spread,
    normalized_convolution,
    path_share,
    spectral_variance,
)
from validate.progress import Progress, silent

STANDARD_ERRORS = 4.0
PRINTED_DIGIT = 1e-6  # of 0.4537 %
ROUNDING = 1e-12
MIYATO = "Miyato et al. 2018, ICLR; exact: Sedghi, Gupta & Long 2019, ICLR"


@dataclass(frozen=True)
class PublishedRow:
    """One statement. `published` is what the source prints (for its limit), `exact` what holds for
    what was simulated, `reproduced` the measurement with its standard error `error`; `tolerance` is
    what |reproduced − exact| may be.
    """

    what: str
    source: str
    setting: str
    published: float
    exact: float
    reproduced: float
    error: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the measurement agrees with what is exact for it."""
        return abs(self.reproduced - self.exact) <= self.tolerance


@dataclass(frozen=True)
class Effort:
    """Numbers of draws, fixed beforehand: `spectra` and `norms` per row.

    For the edge, draws at each of `widths`.
    """

    spectra: int = 200
    norms: int = 2000
    widths: tuple[tuple[int, int], ...] = ((24, 1500), (48, 700), (96, 250), (192, 60))


def published_checks(
    effort: Effort = Effort(), seed: int = 0, progress: Progress = silent
) -> tuple[PublishedRow, ...]:
    """The rows of the table, with these numbers of draws.

    Path lengths; spread of squared singular values, linear and ReLU; spread of norms; the largest
    singular value; the norm of a convolution that is called normalized.
    """
    work: dict[str, Callable[[], PublishedRow]] = {"path lengths": _path_row}
    for relu in (False, True):
        for depth in (2, 5):
            name = f"spectrum, {'ReLU' if relu else 'linear'}, L = {depth}"
            work[name] = partial(_spectral_row, depth, 32, relu, effort.spectra, seed)
    for depth, width in ((4, 32), (8, 64)):
        work[f"norms, L = {depth}"] = partial(_norm_row, depth, width, effort.norms, seed)
    for depth in (2, 4, 8):
        work[f"largest s², L = {depth}"] = partial(_edge_row, depth, effort.widths, seed)
    work["convolution"] = partial(_convolution_row, 8, 8, seed)
    rows = []
    with progress(dict.fromkeys(work, 1), "statements") as advance:
        for name, row in work.items():
            rows.append(row())
            advance(name)
    return tuple(rows)


def table(rows: Sequence[PublishedRow]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| what | source | published | exact for what was simulated | reproduced | holds |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        found = f"{row.reproduced:.5g}" + (f" ± {row.error:.2g}" if row.error else "")
        holds = "yes" if row.holds else "no"
        lines.append(
            f"| {row.what}, {row.setting} | {row.source} | {row.published:.5g} | "
            f"{row.exact:.5g} | {found} | {holds} |"
        )
    return "\n".join(lines) + "\n"


def _path_row() -> PublishedRow:
    exact, found = float(path_lengths().result.after), path_share(54, 5, 17)
    return PublishedRow(
        "share of paths of lengths 5–17",
        VEIT,
        "54 residual blocks",
        0.004537,
        exact,
        found.value,
        0.0,
        PRINTED_DIGIT / 2,
    )


def _at(expr: sp.Expr, depth: int, width: int) -> float:
    return float(expr.subs({DEPTH: depth, WIDTH: width}))


def _spectral_row(depth: int, width: int, relu: bool, draws: int, seed: int) -> PublishedRow:
    exact = _at(spectrum(relu)[0] - 1, depth, width)
    found = spectral_variance(depth, width, relu, draws, seed)
    kind, limit = ("ReLU", 2 * depth) if relu else ("linear", depth)
    return _random_row(
        "var(s²)/mean(s²)²", PENNINGTON, f"{kind}, L = {depth}, n = {width}", limit, exact, found
    )


def _norm_row(depth: int, width: int, draws: int, seed: int) -> PublishedRow:
    exact = _at(squared_norm_spread().result.after, depth, width)
    found = norm_spread(depth, width, draws, seed)
    return _random_row(
        "E‖h‖⁴/E[‖h‖²]²",
        HANIN,
        f"ReLU, L = {depth}, n = {width}, post-activation",
        exact,
        exact,
        found,
    )


def _edge_row(depth: int, widths: tuple[tuple[int, int], ...], seed: int) -> PublishedRow:
    edge = float(spectral_edge().result.after.subs(DEPTH, depth))
    found = extrapolate(
        {
            width: largest_singular_value(depth, width, draws, seed + width)
            for width, draws in widths
        }
    )
    return _random_row(
        "largest s²",
        FUSS_CATALAN,
        f"linear, L = {depth}, n → ∞ from {widths[0][0]}…{widths[-1][0]}",
        edge,
        edge,
        found,
    )


def _convolution_row(channels: int, size: int, seed: int) -> PublishedRow:
    """The published 1 is the norm of the reshaped kernel, which is not that of the convolution."""
    layer = normalized_convolution(channels, seed)
    exact, found = (
        float(circular_singular_values(layer.weight, (size, size)).max()),
        convolution_norm(layer, size),
    )
    setting = f"{channels} channels on {size} × {size}, circular, after spectral_norm"
    return PublishedRow(
        "σ_max of a 3 × 3 convolution",
        MIYATO,
        setting,
        1.0,
        exact,
        found.value,
        0.0,
        ROUNDING * exact,
    )


def _random_row(
    what: str, source: str, setting: str, published: float, exact: float, found: Estimate
) -> PublishedRow:
    return PublishedRow(
        what,
        source,
        setting,
        published,
        exact,
        found.value,
        found.error,
        STANDARD_ERRORS * found.error,
    )


def extrapolate(found: dict[int, Estimate]) -> Estimate:
    """The value at n → ∞ of c₀ + c₁ n^(−2/3) + c₂ n^(−4/3), a soft edge's expansion, by weighted
    least squares.
    """
    widths = np.array(list(found), dtype=float)
    weights = np.array([1 / estimate.error for estimate in found.values()])
    design = np.stack([widths**-power for power in (0, 2 / 3, 4 / 3)], axis=1) * weights[:, None]
    # Errors of the widths are known, so those of the fit follow; residuals are not asked.
    covariance = np.linalg.inv(design.T @ design)
    solution = (
        covariance
        @ design.T
        @ (np.array([estimate.value for estimate in found.values()]) * weights)
    )
    return Estimate(float(solution[0]), float(covariance[0, 0]) ** 0.5)
