"""Encloses the values of layers in sequence over a box or a ball, and their slopes there.

Each layer's input is kept as an affine form c + Σ εⱼ Gⱼ of what varies, so that what cancels does
(zonotopes: Singh et al. 2018, NeurIPS 31), beside the box of its entries; each tightens the other.
All for the stored weights in exact arithmetic.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from numeric.certified.balls import UNIT, up
from numeric.certified.enclosed_layers import Run, run
from numeric.certified.enclosed_tensors import Enclosed
from numeric.certified.fixed_layers import check_fixed, check_own_forward

MOST_ENTRIES = 1 << 24
"""Of the parts of an affine form; what varies beyond is kept as a box."""

PIECES = 8
"""Into which an interval is cut to bound a smooth function beside its secant."""

_NEGLIGIBLE = 2.0**-40
"""Relative to the values, what varies less is kept as a box."""


@dataclass(frozen=True)
class Form:
    """c + Σⱼ εⱼ Gⱼ, up to the radius of c, entry by entry.

    The first `inputs` ε lie in the cube or, with `norm` 2, in the ball of radius 1; the others in
    [−1, 1]. Shapes (1, *shape) and (k, *shape).
    """

    center: Enclosed
    parts: Tensor
    inputs: int
    norm: float

    @staticmethod
    def around(x: Tensor, radius: float, norm: float) -> "Form":
        center, size = Enclosed.exactly(x), x.numel()
        if radius == 0 or size * size > MOST_ENTRIES:
            return _boxed(Enclosed(center.mid, torch.full_like(center.mid, radius)), norm)
        units = torch.eye(size, dtype=torch.float64).view(size, *x.shape[1:])
        return Form(center, radius * units, size, norm)

    def box(self) -> Enclosed:
        """What its entries lie in."""
        count = len(self.parts) + 4
        own, other = self.parts[: self.inputs], self.parts[self.inputs :].abs().sum(0)
        if self.norm == 2:
            spread = up(up(own.square().sum(0), count).sqrt(), 2)
        else:
            spread = up(own.abs().sum(0), count)
        radius = up(spread + up(other, count) + self.center.rad, 3)
        nothing = (self.center.rad == 0) & (self.parts == 0).all(0)
        return Enclosed(self.center.mid, torch.where(nothing, 0, radius))

    def through(self, here: Run) -> "Form":
        """Behind an affine layer, run at the center."""
        if not len(self.parts):
            return _boxed(here.value, self.norm)
        moved = here.push(Enclosed.exactly(self.parts))
        center = _widened(here.value, moved.rad.sum(0), len(self.parts))
        return Form(center, moved.mid, self.inputs, self.norm)

    def bent(self, slope: Tensor, beside: Enclosed) -> "Form":
        """Behind a function that is slope · z + something in `beside`, entry by entry."""
        line = Enclosed.exactly(slope)
        center = self.center * line + Enclosed.exactly(beside.mid)
        moved = Enclosed.exactly(self.parts) * Enclosed.exactly(slope.expand(self.parts.shape))
        wide = beside.rad > _NEGLIGIBLE * (1 + beside.mid.abs() + self.center.mid.abs())
        places = wide.flatten().nonzero()[:, 0]
        if (len(self.parts) + len(places)) * slope.numel() > MOST_ENTRIES:
            wide, places = torch.zeros_like(wide), places[:0]
        new = slope.new_zeros(len(places), slope.numel())
        new[torch.arange(len(places)), places] = beside.rad.flatten()[places]
        center = _widened(center, torch.where(wide, 0, beside.rad)[0], 1)
        center = _widened(center, moved.rad.sum(0), len(self.parts))
        parts = torch.cat([moved.mid, new.view(-1, *slope.shape[1:])])
        return Form(center, parts, self.inputs, self.norm)


@dataclass(frozen=True)
class Step:
    """A layer somewhere in its box, and the slopes that it may have there; none if affine."""

    here: Run
    slopes: Enclosed | None


def _boxed(value: Enclosed, norm: float) -> Form:
    return Form(value, value.mid.new_zeros(0, *value.shape[1:]), 0, norm)


def leaves(layer: nn.Module) -> Iterator[nn.Module]:
    """The layers of a sequence of sequences, in order."""
    if not isinstance(layer, nn.Sequential):
        yield layer
        return
    check_fixed(layer)
    check_own_forward(layer)
    for part in layer:
        yield from leaves(part)


def steps(
    layer: nn.Module, x: Tensor, radius: float, norm: float, dtype: torch.dtype
) -> list[Step]:
    """The layers of a sequence, over the box or ball of this radius around x (1, *in)."""
    form = Form.around(x, radius, norm)
    box, found = form.box(), []
    for part in leaves(layer):
        here = run(part, box, dtype)
        if here.affine:
            center = run(part, form.center, dtype)
            found.append(Step(center, None))
            small = len(form.parts) * here.value.mid.numel() <= MOST_ENTRIES
            form = form.through(center) if small else _boxed(here.value, norm)
        else:
            assert here.slopes is not None, "every other rule gives them"
            found.append(Step(here, here.slopes))
            form = form.bent(*_line(part, box, here, dtype))
        box = _both(here.value, form.box())
    return found


def _line(
    layer: nn.Module, box: Enclosed, here: Run, dtype: torch.dtype
) -> tuple[Tensor, Enclosed]:
    """A slope, and what the function is beside the line of this slope over the box."""
    low, high = box.low, box.high
    assert here.slopes is not None
    ends = [run(layer, Enclosed.exactly(end), dtype).value.mid for end in (low, high)]
    secant = (ends[1] - ends[0]) / (high - low)
    usable = secant.isfinite() & (high - low > 1e-6 * (low.abs() + high.abs()))
    slope = torch.where(usable, secant, here.slopes.mid)
    slope = slope.clamp(here.slopes.low, here.slopes.high)
    if isinstance(layer, nn.ReLU | nn.LeakyReLU):  # straight but for 0
        knots = [low, high, torch.zeros_like(low).clamp(low, high)]
        pieces = [_beside(layer, Enclosed.exactly(knot), slope, dtype) for knot in knots]
    else:
        cuts = [(low + (high - low) * (i / PIECES)).clamp(max=high) for i in range(PIECES)]
        cuts.append(high)
        pieces = [
            _beside(layer, Enclosed.between(*cuts[i : i + 2]), slope, dtype) for i in range(PIECES)
        ]
    return slope, Enclosed.between(
        torch.stack([piece.low for piece in pieces]).amin(0),
        torch.stack([piece.high for piece in pieces]).amax(0),
    )


def _beside(layer: nn.Module, piece: Enclosed, slope: Tensor, dtype: torch.dtype) -> Enclosed:
    """φ(z) − slope · z over a piece: what it is in the middle, give or take what its slope adds."""
    middle = Enclosed.exactly(piece.mid)
    value = run(layer, middle, dtype).value + middle * Enclosed.exactly(-slope)
    slopes = run(layer, piece, dtype).slopes
    assert slopes is not None
    steepest = up((slopes.mid - slope).abs() + UNIT * slopes.mid.abs() + slopes.rad, 4)
    return _widened(value, up(steepest * piece.rad), 1)


def _widened(value: Enclosed, by: Tensor, terms: int) -> Enclosed:
    return Enclosed(value.mid, torch.where(by == 0, value.rad, up(value.rad + up(by, terms), 2)))


def _both(first: Enclosed, second: Enclosed) -> Enclosed:
    """What lies in both of two enclosures of the same."""
    low, high = torch.maximum(first.low, second.low), torch.minimum(first.high, second.high)
    assert (low <= high).all(), "both hold the values"
    return Enclosed.between(low, high)
