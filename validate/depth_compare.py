"""Holds the depth laws against simulated networks: one row per network and width.

A prediction comes from `numeric.depth_laws`, a measurement from `validate.depth_measure`; neither sees the other. Seeds and
numbers of draws are fixed beforehand.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from derivations.depth_laws import DepthLaw, depth_laws
from numeric import mean_field
from numeric.depth_laws import evaluate_law
from validate.depth_measure import DepthRatio, Setup, measure_dense, measure_stack

STANDARD_ERRORS = 4.0
BATCH_PER_WIDTH = 4  # where BatchNorm sees the batch, it must grow with the width
PLAIN_BATCH = 32

FINITE_WIDTH: Mapping[str, float] = {
    "plain": 0.0,
    "residual": 0.8,
    "se_held": 0.3,
    "norm_then_linear": 0.04,
    "linear_then_norm": 0.04,
    "norm_relu_linear": 0.16,
    "relu_linear_norm": 0.12,
    "pre_activation": 0.25,
    "dense": 0.0,
    "dense_unequal": 0.0,
    "dense_last": 0.0,
}
"""c of the stated deviation c·L/n of each law, from trials at widths 32 to 256 with another seed; 0 where the law is exact."""


@dataclass(frozen=True)
class DepthRow:
    """One comparison. `deviation` is measured/predicted − 1, `error` its standard error, `allowed` the stated deviation at this width."""

    network: str
    depth: int
    width: int
    draws: int
    predicted: float
    measured: float
    deviation: float
    error: float
    allowed: float

    @property
    def holds(self) -> bool:
        """Whether the deviation is what the width allows, within four standard errors."""
        return abs(self.deviation) <= self.allowed + STANDARD_ERRORS * self.error


@dataclass(frozen=True)
class Trial:
    """What to simulate: `depth` blocks of a network at `width`, with `draws` networks from `seed`."""

    network: str
    depth: int
    width: int
    draws: int
    seed: int = 0
    gain: float = 1.0
    slope: float = 0.0
    first_width: int = 1  # in units of the width
    block: int = 0


@cache
def _laws() -> Mapping[str, DepthLaw]:
    return {law.network: law for law in depth_laws()}


def compare(trials: Iterable[Trial]) -> tuple[DepthRow, ...]:
    """The row of each trial."""
    return tuple(compare_one(trial) for trial in trials)


def compare_one(trial: Trial) -> DepthRow:
    """Predicts and measures one ratio."""
    law = _laws()[trial.network]
    first_width = float(trial.first_width)
    predicted = evaluate_law(law, trial.depth, block=trial.block, gain=trial.gain, first_width=first_width, slope=trial.slope)
    measured = _measure(trial, law.family)
    allowed = FINITE_WIDTH[trial.network] * trial.depth / trial.width
    return DepthRow(
        trial.network,
        trial.depth,
        trial.width,
        trial.draws,
        predicted,
        measured.value,
        measured.value / predicted - 1,
        measured.error / predicted,
        allowed,
    )


def _measure(trial: Trial, family: str) -> DepthRatio:
    batch = BATCH_PER_WIDTH * trial.width if family == "normalised" else PLAIN_BATCH
    setup = Setup(trial.depth, trial.width, batch, trial.gain, trial.slope, trial.first_width * trial.width)
    if family == "dense":
        return measure_dense(setup, trial.draws, trial.seed, trial.block, everywhere=trial.network != "dense_last")
    return measure_stack(trial.network, setup, trial.draws, trial.seed)


TABLE_DEPTHS: Mapping[str, int] = {name: 10 if name in ("plain", "residual", "se_held") else 40 for name in FINITE_WIDTH}


def table(widths: Iterable[int], draws: Mapping[int, int], seed: int) -> tuple[DepthRow, ...]:
    """Every law at the depth of the published table, χ = 1: ten or forty blocks; `dense_unequal` with k₀ = 3k."""
    return compare(
        Trial(name, depth, width, draws[width], seed, first_width=3 if name == "dense_unequal" else 1)
        for name, depth in TABLE_DEPTHS.items()
        for width in widths
    )


def extrapolated(narrow: DepthRow, wide: DepthRow) -> tuple[float, float]:
    """The deviation that is left as n → ∞ if it is a/n + O(1/n²), from widths n and 2n, and its standard error."""
    return 2 * wide.deviation - narrow.deviation, (4 * wide.error**2 + narrow.error**2) ** 0.5


@dataclass(frozen=True)
class OpenCase:
    """A network without a closed form: what to simulate, the recurrence that predicts it, and c of its deviation c·L/n."""

    network: str
    inputs: str
    predict: Callable[[int], float]
    finite_width: float
    normalised: bool = False


OPEN_CASES: Mapping[str, OpenCase] = {
    "residual, half-normal inputs": OpenCase("residual", "half_normal", mean_field.half_normal_residual, 0.8),
    "residual, rectified inputs": OpenCase("residual", "rectified", mean_field.rectified_residual, 0.8),
    "post-activation, half-normal inputs": OpenCase("post_activation", "half_normal", mean_field.post_activation, 2.0),
    "post-activation, rectified inputs": OpenCase(
        "post_activation", "rectified", lambda depth: mean_field.post_activation(depth, inputs="rectified"), 2.0
    ),
    "BatchNorm v1, one layer": OpenCase("norm_v1_one", "rectified", lambda depth: mean_field.batch_norm_v1(depth, 1), 0.4, True),
    "BatchNorm v1, two layers": OpenCase("norm_v1_two", "rectified", lambda depth: mean_field.batch_norm_v1(depth, 2), 1.2, True),
    "BatchNorm v1, two layers, half-normal inputs": OpenCase(
        "norm_v1_two", "half_normal", lambda depth: mean_field.batch_norm_v1_by_quadrature(depth, 2, "half_normal"), 1.2, True
    ),
    "SE, live gate": OpenCase("se_live", "gaussian", mean_field.squeeze_excite, 1.2),
    "SE, detached gate": OpenCase("se_detached", "gaussian", lambda depth: mean_field.squeeze_excite(depth, live=False), 0.6),
}


def compare_open(name: str, depth: int, width: int, draws: int, seed: int) -> DepthRow:
    """The row of one open case, χ = 1."""
    case = OPEN_CASES[name]
    setup = Setup(depth, width, BATCH_PER_WIDTH * width if case.normalised else PLAIN_BATCH)
    predicted, measured = case.predict(depth), measure_stack(case.network, setup, draws, seed, case.inputs)
    deviation, error = measured.value / predicted - 1, measured.error / predicted
    return DepthRow(name, depth, width, draws, predicted, measured.value, deviation, error, case.finite_width * depth / width)
