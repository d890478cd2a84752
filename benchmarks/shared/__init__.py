"""Times functions side by side in one process, and builds the block that benchmarks measure.

Results are printed as one JSON line. Rounds alternate, so that a load from outside falls on every
function alike; ratios are medians over the rounds.
"""

import json
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter, process_time
from unittest.mock import patch

import torch
from torch import Tensor, nn

from numeric import JacobianOperator

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def seconds(function: Callable[[], object], clock: Callable[[], float] = perf_counter) -> float:
    """Time of one call by a clock, on the wall, whatever it left on the device included."""
    _wait()
    start = clock()
    function()
    _wait()
    return clock() - start


def own_clock() -> Callable[[], float]:
    """The processor's time, which other processes do not take, where all runs in one thread."""
    return process_time if DEVICE == "cpu" and torch.get_num_threads() == 1 else perf_counter


def rounds(
    functions: Mapping[str, Callable[[], object]],
    runs: int = 7,
    clock: Callable[[], float] = perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each function in each of `runs` alternating rounds, after one call each to warm
    up.
    """
    for function in functions.values():
        function()
    timed = [
        {name: seconds(function, clock) for name, function in functions.items()}
        for _ in range(runs)
    ]
    return {name: [each[name] for each in timed] for name in functions}


def ratio(numerator: list[float], denominator: list[float]) -> float:
    """The median over the rounds of the ratio within a round."""
    return round(
        statistics.median(
            above / below for above, below in zip(numerator, denominator, strict=True)
        ),
        3,
    )


def spread(numerator: list[float], denominator: list[float]) -> list[float]:
    """The quartiles over the rounds of the ratio within a round."""
    found = [above / below for above, below in zip(numerator, denominator, strict=True)]
    low, _, high = statistics.quantiles(found, n=4)
    return [round(low, 3), round(high, 3)]


def milliseconds(taken: list[float]) -> float:
    return round(1e3 * statistics.median(taken), 2)


def report(benchmark: str, **values: object) -> None:
    """Prints the JSON line, with the number of threads and the device."""
    print(
        json.dumps(
            {"benchmark": benchmark, **values, "threads": torch.get_num_threads(), "device": DEVICE}
        )
    )


class Bottleneck(nn.Module):
    """x + F(x) with F a bottleneck branch of ResNet-50's third stage, 1×1, 3×3, 1×1 with a quarter
    of the channels, in eval mode.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 4
        self.branch = nn.Sequential(
            *(nn.Conv2d(channels, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU()),
            *(nn.Conv2d(inner, inner, 3, padding=1, bias=False), nn.BatchNorm2d(inner), nn.ReLU()),
            *(nn.Conv2d(inner, channels, 1, bias=False), nn.BatchNorm2d(channels)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


def bottleneck(
    channels: int = 256, size: int = 8, batch: int = 8, dtype: torch.dtype = torch.float32
) -> tuple[Bottleneck, Tensor]:
    """The block with PyTorch's own random weights, and a rectified Gaussian input (batch, channels,
    size, size).
    """
    torch.manual_seed(0)
    block = Bottleneck(channels).to(DEVICE, dtype).eval().requires_grad_(False)
    return block, torch.randn(batch, channels, size, size, dtype=dtype).relu().to(DEVICE)


def linearized(block: nn.Module, x: Tensor) -> JacobianOperator:
    """The Jacobian, with the graphs of both products built and verified: that is done once, however
    many products follow.
    """
    operator = JacobianOperator(block, x)
    operator.push(torch.ones_like(x))
    return operator


@contextmanager
def counted() -> Iterator[dict[str, int]]:
    """How many products with Jacobians are made, of a whole batch each."""
    made = {"pushes": 0, "pulls": 0}
    own = JacobianOperator._push, JacobianOperator._pull

    def push(self: JacobianOperator, v: Tensor) -> Tensor:
        made["pushes"] += 1
        return own[0](self, v)

    def pull(self: JacobianOperator, u: Tensor) -> Tensor:
        made["pulls"] += 1
        return own[1](self, u)

    with (
        patch.object(JacobianOperator, "_push", push),
        patch.object(JacobianOperator, "_pull", pull),
    ):
        yield made


def passes(block: nn.Module, x: Tensor, g: Tensor) -> Callable[[], None]:
    """Forward through the block and backward to its input."""

    def both() -> None:
        leaf = x.clone().requires_grad_()
        torch.autograd.grad(block(leaf), leaf, g)

    return both


def _wait() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()
