"""Holds the depth laws against simulated networks, as a whole and block by block.

A prediction comes from `numeric.laws.depth_ratios`, a measurement from
`validate.measure.deep_stacks`; neither sees the other. Seeds and numbers of draws are fixed
beforehand. `gradbound check-laws depth` prints the table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from torch import Tensor

from derivations.laws.depth_laws import DepthLaw, depth_laws
from numeric.laws import evaluate_block, evaluate_law
from validate.measure.deep_stacks import (
    DepthRatio,
    Setup,
    dense_squares,
    ratio,
    stack_squares,
)
from validate.progress import Progress, silent

STANDARD_ERRORS = 4.0
BLOCK_DEVIATION = 0.1
"""What the mean-field gain of a block may be off by at width 64 and above, its standard error not
added.

The largest deviation beyond noise is about −4/n, in the first of forty blocks x + W·BN(x) or x +
BN(Wx): directions that its weights spread pass back more through the block and less from the
BatchNorms behind, which divide by that spread. Where these divide by its mean-field value instead,
nothing is left."""
JUDGED_WIDTH = 64
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
"""c of the stated deviation c·L/n of each law, from trials at widths 32 to 256 with another seed; 0
where the law is exact."""


@dataclass(frozen=True)
class DepthRow:
    """One comparison. `deviation` is measured/predicted − 1, `error` its standard error, `allowed`
    the stated deviation at this width.
    """

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
class BlockGain:
    """E‖∂L/∂x_{ℓ−1}‖² / E‖∂L/∂x_ℓ‖² of block ℓ, predicted and measured; `deviation` and `error` as
    in DepthRow.
    """

    block: int
    predicted: float
    measured: DepthRatio

    @property
    def deviation(self) -> float:
        return self.measured.value / self.predicted - 1

    @property
    def error(self) -> float:
        return self.measured.error / self.predicted


@dataclass(frozen=True)
class DepthProfile:
    """One simulation, compared from end to end and block by block.

    Late in a normalised or dense stack the gain is so close to 1 that 10 % of it says little: there
    it is `whole` that tells laws apart.
    """

    whole: DepthRow
    blocks: tuple[BlockGain, ...]

    @property
    def worst(self) -> BlockGain:
        """The block that deviates most."""
        return max(self.blocks, key=lambda each: abs(each.deviation))

    @property
    def within(self) -> bool:
        """Whether each block's gain is within 10 % of the predicted one."""
        return abs(self.worst.deviation) <= BLOCK_DEVIATION

    @property
    def blocks_are_judged(self) -> bool:
        """Whether the stack is as wide as BLOCK_DEVIATION asks for."""
        return self.whole.width >= JUDGED_WIDTH


@dataclass(frozen=True)
class Trial:
    """What to simulate: `draws` networks of `depth` blocks at `width`, from `seed`."""

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


def compare_one(trial: Trial) -> DepthRow:
    """Predicts and measures one ratio."""
    law = _laws()[trial.network]
    return _whole(law, trial, _squares(trial, law.family))


def compare_blocks(trial: Trial) -> DepthProfile:
    """The same, and the gain of each block, from one simulation."""
    law = _laws()[trial.network]
    squares, first_width = _squares(trial, law.family), float(trial.first_width)
    blocks = tuple(
        BlockGain(
            block,
            evaluate_block(
                law, trial.depth, block, gain=trial.gain, first_width=first_width, slope=trial.slope
            ),
            ratio(squares, block - 1, block),
        )
        for block in range(1, trial.depth + 1)
    )
    return DepthProfile(_whole(law, trial, squares), blocks)


def compare_curve(trial: Trial) -> tuple[tuple[float, DepthRatio], ...]:
    """E‖∂L/∂x₀‖² / E‖∂L/∂x_ℓ‖² for ℓ = 1 … depth, predicted and measured, from one simulation."""
    law = _laws()[trial.network]
    squares, first_width = _squares(trial, law.family), float(trial.first_width)
    predicted, curve = 1.0, []
    for block in range(1, trial.depth + 1):
        predicted *= evaluate_block(
            law, trial.depth, block, gain=trial.gain, first_width=first_width, slope=trial.slope
        )
        curve.append((predicted, ratio(squares, 0, block)))
    return tuple(curve)


def _whole(law: DepthLaw, trial: Trial, squares: Tensor) -> DepthRow:
    first_width = float(trial.first_width)
    predicted = evaluate_law(
        law,
        trial.depth,
        block=trial.block,
        gain=trial.gain,
        first_width=first_width,
        slope=trial.slope,
    )
    measured = ratio(squares, trial.block, trial.depth)
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


def _squares(trial: Trial, family: str) -> Tensor:
    batch = BATCH_PER_WIDTH * trial.width if family == "normalised" else PLAIN_BATCH
    setup = Setup(
        trial.depth, trial.width, batch, trial.gain, trial.slope, trial.first_width * trial.width
    )
    if family == "dense":
        return dense_squares(
            setup, trial.draws, trial.seed, everywhere=trial.network != "dense_last"
        )
    return stack_squares(trial.network, setup, trial.draws, trial.seed)


TABLE_DEPTHS: Mapping[str, int] = {
    name: 10 if name in ("plain", "residual", "se_held") else 40 for name in FINITE_WIDTH
}


TABLE_WIDTHS = (32, 64, 128, 256)
DRAWS_TIMES_WIDTH: Mapping[str, int] = {
    "plain": 64_000,
    "residual": 32_000,
    "se_residual": 16_000,
    "normalised": 2_000,
    "dense": 3_200,
}
"""By family. Draws in proportion to 1/n keep a standard error about the same at every width."""


def table_trial(
    network: str, width: int, seed: int = 0, draws: Mapping[str, int] = DRAWS_TIMES_WIDTH
) -> Trial:
    """The trial of `table` for this network and width."""
    count = draws[_laws()[network].family] // width
    first_width = 3 if network == "dense_unequal" else 1
    return Trial(network, TABLE_DEPTHS[network], width, count, seed, first_width=first_width)


def table(
    widths: Iterable[int] = TABLE_WIDTHS,
    draws: Mapping[str, int] = DRAWS_TIMES_WIDTH,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[DepthProfile, ...]:
    """Every law at the depth of the published table, χ = 1: ten or forty blocks; `dense_unequal`
    with k₀ = 3k.
    """
    trials = [table_trial(name, width, seed, draws) for name in TABLE_DEPTHS for width in widths]
    profiles = []
    labels = [f"{trial.network}, n = {trial.width}" for trial in trials]
    with progress(dict.fromkeys(labels, 1), "stacks") as advance:
        for trial, label in zip(trials, labels, strict=True):
            profiles.append(compare_blocks(trial))
            advance(label)
    return tuple(profiles)


def markdown(profiles: Iterable[DepthProfile]) -> str:
    """The profiles as a Markdown table: whole stack, then the block that deviates most."""
    lines = [
        (
            "| network | L | n | draws | predicted | measured | deviation | worst block | "
            "predicted | measured | deviation | all within 10 % |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for profile in profiles:
        whole, worst = profile.whole, profile.worst
        stack = (
            f"{whole.predicted:.4g} | {whole.measured:.4g} | {whole.deviation:+.1%} ± "
            f"{whole.error:.1%}"
        )
        block = (
            f"{worst.block} | {worst.predicted:.4g} | {worst.measured.value:.4g} | "
            f"{worst.deviation:+.1%} ± {worst.error:.1%}"
        )
        within = "yes" if profile.within else "no"
        lines.append(
            f"| {whole.network} | {whole.depth} | {whole.width} | {whole.draws} | {stack} | "
            f"{block} | {within} |"
        )
    return "\n".join(lines) + "\n"


def extrapolated(narrow: DepthRow | BlockGain, wide: DepthRow | BlockGain) -> tuple[float, float]:
    """The deviation that is left as n → ∞ if it is a/n + O(1/n²), from widths n and 2n, and its
    standard error.
    """
    return 2 * wide.deviation - narrow.deviation, (4 * wide.error**2 + narrow.error**2) ** 0.5
