"""Holds the recurrences of networks whose depth law has no closed form against simulated networks.

A prediction comes from `numeric.laws.mean_field`, a measurement from
`validate.measure.deep_stacks`; neither sees the other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from numeric.laws import mean_field
from validate.comparison.compare_depth import BATCH_PER_WIDTH, PLAIN_BATCH, DepthRow
from validate.measure.deep_stacks import Setup, measure_stack


@dataclass(frozen=True)
class OpenCase:
    """A network without a closed form: what to simulate, the recurrence that predicts it, and c of
    its deviation c·L/n.
    """

    network: str
    inputs: str
    predict: Callable[[int], float]
    finite_width: float
    normalised: bool = False


OPEN_CASES: Mapping[str, OpenCase] = {
    "residual, half-normal inputs": OpenCase(
        "residual", "half_normal", mean_field.half_normal_residual, 0.8
    ),
    "residual, rectified inputs": OpenCase(
        "residual", "rectified", mean_field.rectified_residual, 0.8
    ),
    "post-activation, half-normal inputs": OpenCase(
        "post_activation", "half_normal", mean_field.post_activation, 2.0
    ),
    "post-activation, rectified inputs": OpenCase(
        "post_activation",
        "rectified",
        lambda depth: mean_field.post_activation(depth, inputs="rectified"),
        2.0,
    ),
    "BatchNorm v1, one layer": OpenCase(
        "norm_v1_one", "rectified", lambda depth: mean_field.batch_norm_v1(depth, 1), 0.4, True
    ),
    "BatchNorm v1, two layers": OpenCase(
        "norm_v1_two", "rectified", lambda depth: mean_field.batch_norm_v1(depth, 2), 1.2, True
    ),
    "BatchNorm v1, two layers, half-normal inputs": OpenCase(
        "norm_v1_two",
        "half_normal",
        lambda depth: mean_field.batch_norm_v1_by_quadrature(depth, 2, "half_normal"),
        1.2,
        True,
    ),
    "SE, live gate": OpenCase("se_live", "gaussian", mean_field.squeeze_excite, 1.2),
    "SE, detached gate": OpenCase(
        "se_detached", "gaussian", lambda depth: mean_field.squeeze_excite(depth, live=False), 0.6
    ),
}


def compare_open(name: str, depth: int, width: int, draws: int, seed: int) -> DepthRow:
    """The row of one open case, χ = 1."""
    case = OPEN_CASES[name]
    setup = Setup(depth, width, BATCH_PER_WIDTH * width if case.normalised else PLAIN_BATCH)
    predicted, measured = (
        case.predict(depth),
        measure_stack(case.network, setup, draws, seed, case.inputs),
    )
    deviation, error = measured.value / predicted - 1, measured.error / predicted
    return DepthRow(
        name,
        depth,
        width,
        draws,
        predicted,
        measured.value,
        deviation,
        error,
        case.finite_width * depth / width,
    )
