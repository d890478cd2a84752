"""Places gains on a logarithmic axis, and says as a word, which has a colour, what a gain means."""

import math
from collections.abc import Iterable, Mapping

MOST = 6
"""The axis reaches from 10^-MOST to 10^MOST at most; what lies beyond is drawn at its end."""
LOW, HIGH = 0.5, 2.0
"""A gain below LOW is one where a cause is named; HIGH is as far to the other side."""

COLORS: Mapping[str, str] = {
    "good": "#2f74a8",
    "low": "#b3470a",
    "high": "#7a5ea8",
    "dead": "#b01212",
    "none": "#6b6b6b",
}
MEANINGS: Mapping[str, str] = {
    "good": f"gain from {LOW:g} to {HIGH:g}, averages apart",
    "low": "below: it loses",
    "high": "above: it amplifies",
    "dead": "0: nothing gets through",
    "none": "no signal reaches it",
}


def decades(gains: Iterable[float]) -> int:
    """How many powers of ten an axis that shows these reaches to either side of gain 1."""
    sizes = [abs(math.log10(gain)) for gain in gains if gain > 0]
    return min(max(1, math.ceil(max(sizes, default=1.0))), MOST)


def ticks(reach: int) -> list[tuple[str, float]]:
    """The labels of the axis, and where they stand in percent."""
    step = 1 if reach <= 2 else 2 if reach <= 4 else 3  # more labels would touch each other
    powers = sorted({0, *range(step, reach + 1, step), *range(-step, -reach - 1, -step)})
    return [(_label(power), place(10.0**power, reach)) for power in powers]


def _label(power: int) -> str:
    return f"{10.0**power:g}"


def place(gain: float | None, reach: int) -> float:
    """Where a gain stands on the axis, in percent; None is no end, and stands at the right."""
    if gain is None or math.isinf(gain):
        return 100.0
    if gain <= 0:
        return 0.0
    return round(min(max(50 + 50 * math.log10(gain) / reach, 0.0), 100.0), 2)


def reading(median: float | None) -> str:
    """What a median gain says, as one of the words that have a colour."""
    if median is None:
        return "none"
    if median == 0:
        return "dead"
    if median < LOW:
        return "low"
    return "high" if median > HIGH else "good"
