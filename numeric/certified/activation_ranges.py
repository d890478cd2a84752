"""What values and slopes smooth activations take on an interval, from its ends and their turns.

Between two neighbouring turns a function is monotone, so its range is spanned by its values at the
ends and at the turns that may lie between. Never imports a network or a term.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

from flint import arb, arb_series
from torch import nn

from derivations.errors import InputError
from numeric.certified.balls import precise

Pair = tuple[arb, arb]


@dataclass(frozen=True)
class Activation:
    """A smooth function on power series, whose series at x + ε gives the value and the slope.

    `value_turns` and `slope_turns` are where the first and the second derivative change their
    sign, as decimal numbers and their accuracy; `far` are the slopes at −∞ and ∞.
    """

    series: Callable[[arb_series], arb_series]
    value_turns: tuple[str, ...]
    slope_turns: tuple[str, ...]
    far: tuple[float, float]

    def at(self, point: arb) -> Pair:
        """Value and slope; raises InputError where the point is too far out to be enclosed."""
        try:
            found = self.series(arb_series([point, 1], 2))
        except ValueError as error:  # an exponential of it may be anything
            raise InputError(
                f"an activation at {point.mid().str(3, radius=False)} cannot be enclosed: take a "
                "smaller radius, or rescale the input or the weights"
            ) from error
        return found[0], found[1]

    def over(self, middle: float, radius: float) -> Pair:
        """The ranges on [middle − radius, middle + radius], within `precise()`."""
        if radius == 0:
            return self.at(arb(middle))
        low, high = arb(middle) - arb(radius), arb(middle) + arb(radius)
        ends = (self.at(low), self.at(high))
        value, slope = (
            _hull([*ends, *(found for turn, found in turns if not (turn < low or turn > high))])
            for ends, turns in zip(zip(*ends, strict=True), self._turns, strict=True)
        )
        return value, slope

    def slopes_everywhere(self) -> arb:
        """The ball of all slopes."""
        with precise():
            return _hull([*map(arb, self.far), *(slope for _, slope in self._turns[1])])

    @cached_property
    def _turns(self) -> tuple[list[Pair], list[Pair]]:
        """Where values turn, and what they are there; the same of slopes."""
        with precise():
            values, slopes = (map(arb, turns) for turns in (self.value_turns, self.slope_turns))
            return [(at, self.at(at)[0]) for at in values], [(at, self.at(at)[1]) for at in slopes]


def _hull(balls: Sequence[arb]) -> arb:
    return reduce(lambda a, b: a.union(b), balls)


ACTIVATIONS: Mapping[type[nn.Module], Activation] = {
    nn.Sigmoid: Activation(lambda z: 1 / (1 + (-z).exp()), (), ("0",), (0, 0)),
    nn.Tanh: Activation(lambda z: 1 - 2 / (1 + (2 * z).exp()), (), ("0",), (0, 0)),
    nn.SiLU: Activation(
        lambda z: z / (1 + (-z).exp()),
        ("-1.27846454276107379511 +/- 1e-20",),
        ("-2.39935728051546766783 +/- 1e-20", "2.39935728051546766783 +/- 1e-20"),
        (0, 1),
    ),
    nn.GELU: Activation(
        lambda z: z * (1 + (z / arb(2).sqrt()).erf()) / 2,
        ("-0.75179152469356445746 +/- 1e-20",),
        ("-1.41421356237309504880 +/- 1e-20", "1.41421356237309504880 +/- 1e-20"),
        (0, 1),
    ),
}
"""By type of layer. That the turns are where they are said to be, and no others, is proved where
they are tested."""
