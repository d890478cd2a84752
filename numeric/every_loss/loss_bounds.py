"""Bounds a gain for every loss of a class at once, sample by sample, and says which loss attains.

Exact up to floating point for the columns as they are stored: see `certified_pairs` for more.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from derivations.algebra.showing import Showing, Shown
from derivations.errors import InputError, way_out
from numeric.every_loss import cotangents
from numeric.every_loss.column_pencils import FULL, extremes
from numeric.every_loss.near_one_loss import within_angle
from numeric.every_loss.reachable import LOGITS, Reachable
from numeric.runs.sample_summary import HEAD, between, samples

LossClass = Literal["all", "shift_invariant", "labels", "label", "angle"]
HOLDS_FOR = {
    "all": "every loss",
    "shift_invariant": "every shift-invariant loss",
    "labels": "cross-entropy with any hard label",
    "label": "cross-entropy with this hard label",
    "angle": "every loss within the angle",
}
_NEEDS = {
    "all": ("all", "given"),
    "shift_invariant": ("all", "sum_zero"),
    "labels": ("all", "sum_zero", "labels"),
    "label": ("all", "sum_zero"),
    "angle": ("all", "sum_zero", "given"),
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class LossBounds(Shown):
    """lower ≤ ‖∂L/∂h_i‖/‖∂L/∂h_j‖ ≤ upper for every loss that `holds_for` names, (batch,) each.

    For a sample with `floor` > 0 they hold of losses with ‖∂L/∂h_j‖ ≥ floor·‖∂L/∂z‖: smaller
    signals are not told from rounding. NaN where `why_none` says why: no loss sends a signal to j.
    A lower bound of 0 says that for all that is known nothing need arrive. `lower_at` and
    `upper_at` (batch, K) are the ∂L/∂z that attain the ends (with `joined` (1, B·K)); ranks are
    numerical, `condition` is that of the signals at j. For "labels" those are the classes'.
    Ratios below `rounding` (batch,) are not told from 0: no lower bound is between 0 and it, no
    upper one below it.
    """

    cls: LossClass
    lower: Tensor
    upper: Tensor
    lower_at: Tensor
    upper_at: Tensor
    rank_in: Tensor
    rank_out: Tensor
    condition: Tensor
    floor: Tensor
    holds_for: str
    certainty: Literal["exact"] = "exact"
    rounding: Tensor | None = None

    @property
    def why_none(self) -> dict[int, str]:
        """The samples without bounds, and why."""
        none = self.lower.isnan().nonzero()[:, 0].tolist()
        return dict.fromkeys(none, f"no signal of {self.holds_for} reaches the block's output")

    def showing(self) -> Showing:
        title = f"Bounds for {self.holds_for}, {self.certainty}, over {samples(len(self.lower))}"
        rows = between(self.lower, self.upper)
        counts = Counter(self.why_none.values())
        none = (f"{samples(count)} without bounds: {why}" for why, count in counts.items())
        return Showing(title, ("", *HEAD), rows, tuple(none))


def bounds(
    found: Reachable,
    i: Hashable,
    j: Hashable,
    cls: LossClass = "shift_invariant",
    *,
    y: Tensor | None = None,
    to: Tensor | None = None,
    theta: float | None = None,
) -> LossBounds:
    """The bounds of ‖∂L/∂h_i‖/‖∂L/∂h_j‖ for a class of losses; j may be LOGITS.

    "all": whatever ∂L/∂z is, or whatever lies in a given basis. "shift_invariant": ∂L/∂z ⊥ 1, as of
    cross-entropy with any soft labels. "labels": cross-entropy with whichever hard label; "label":
    with the labels `y` (batch,). "angle": ∂L/∂z at most `theta` (radians) from `to` (batch, K), and
    shift-invariant if the basis is. Raises InputError where the basis does not hold the class.
    """
    if cls not in _NEEDS:
        raise InputError(f"unknown class of losses {cls!r}: {way_out(cls, _NEEDS)}")
    if found.span not in _NEEDS[cls]:
        raise InputError(
            f"signals of basis {found.span!r} say nothing of the class {cls!r}: ask for basis "
            f"{' or '.join(map(repr, _NEEDS[cls]))}"
        )
    if (y is None) != (cls != "label") or ((to is None) or (theta is None)) != (cls != "angle"):
        raise InputError("y belongs to the class 'label', to and theta to 'angle'")
    if j in found.rounding:
        raise InputError(f"bounds are relative to signals, not to a parameter's such as {j!r}")
    if cls in ("labels", "label"):
        return _beyond(found.rounding.get(i), _of_labels(found, i, j, cls, y))
    count = found.basis.shape[2] if cls != "shift_invariant" else _sum_zero_count(found)
    top, bottom, size = (_first(found, place, count) for place in (i, j, LOGITS))
    whole = extremes(top, bottom, size, FULL[found.logits.dtype])
    ends = (whole.lower, whole.upper, whole.lower_at, whole.upper_at)
    if cls == "angle":
        assert to is not None
        assert theta is not None
        center = _coordinates(found, to, theta)
        ends = within_angle(top, bottom, size, center, theta, whole)
    lower, upper, lower_at, upper_at = ends
    said = HOLDS_FOR[cls]
    if cls == "all" and found.span == "given":
        said = "every loss whose ∂L/∂z lies in the given basis"
    made = LossBounds(
        cls, lower, upper, _direction(found.basis, lower_at), _direction(found.basis, upper_at),
        whole.rank_top, whole.rank_bottom, whole.condition, whole.floor, said,
    )  # fmt: skip
    return _beyond(found.rounding.get(i), made)


def _beyond(rounding: Tensor | None, made: LossBounds) -> LossBounds:
    """The bounds that hold whatever rounding made of signals as small as that."""
    if rounding is None:
        return made
    lower = torch.where(made.lower < rounding, 0.0, made.lower)
    return replace(made, lower=lower, upper=made.upper.maximum(rounding), rounding=rounding)


def _sum_zero_count(found: Reachable) -> int:
    """How many of the columns are those of sum_zero: they come first."""
    if found.span == "sum_zero":
        return found.basis.shape[2]
    if found.classes < 2:
        raise InputError("one logit has no signals that sum to zero: ask for the class 'all'")
    if found.joined:
        raise InputError("of coupled samples ask `reachable` for basis='sum_zero'")
    return found.classes - 1


def _first(found: Reachable, place: Hashable, count: int) -> Tensor:
    """The factor of the first `count` columns: of an upper triangle, a corner."""
    return found.factor(place)[:, :count, :count]


def _direction(basis: Tensor, c: Tensor) -> Tensor:
    """The ∂L/∂z of coordinates, of length 1 and one sign; zero of none."""
    a = (basis[:, :, : c.shape[1]] @ c[:, :, None])[:, :, 0]
    length = torch.linalg.vector_norm(a, dim=1, keepdim=True)
    size = a.abs()
    # Of the two signs, the one in which the first large entry is positive.
    first = (size >= size.amax(1, keepdim=True) / 2).int().argmax(1, keepdim=True)
    return a.gather(1, first).sign() * a / torch.where(length > 0, length, 1.0)


def _of_labels(
    found: Reachable, i: Hashable, j: Hashable, cls: LossClass, y: Tensor | None
) -> LossBounds:
    above, below, made, floor = label_norms(found, i, j, y)
    gains = torch.where(below > 0, above / below, torch.nan)
    (lower, least), (upper, most) = (
        torch.where(gains.isnan(), side, gains).min(1)
        if side > 0
        else torch.where(gains.isnan(), side, gains).max(1)
        for side in (torch.inf, -torch.inf)
    )
    none = gains.isnan().all(1)
    lower, upper = (torch.where(none, torch.nan, each) for each in (lower, upper))
    at = [_picked(made, k) for k in (least, most)]
    ranks = [(norms > 0).sum(1) for norms in (above, below)]
    ones = torch.ones_like(lower)
    return LossBounds(
        cls, lower, upper, at[0], at[1], ranks[0], ranks[1], ones, floor, HOLDS_FOR[cls],
    )  # fmt: skip


def _picked(made: Tensor, which: Tensor) -> Tensor:
    return made.gather(2, which[:, None, None].expand(-1, made.shape[1], 1))[:, :, 0]


def label_norms(
    found: Reachable, i: Hashable, j: Hashable, y: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The norms at i and at j of the signals r⁽ʸ⁾ − e_y, (batch, S), these, (batch, K, S), and the
    floor, (batch,): signals at j that cancel but for rounding count as none.

    With `y` (batch,) only the one of that label.
    """
    if found.joined and y is None:
        raise InputError(
            f"{found.classes} labels of each coupled sample are too many to try: give y, or ask "
            "for the class 'shift_invariant'"
        )
    if found.joined and found.span != "sum_zero":
        raise InputError("of coupled samples ask `reachable` for basis='sum_zero'")
    if found.span == "labels":
        norms = [torch.linalg.vector_norm(found.factor(place), dim=1) for place in (i, j)]
        return norms[0], norms[1], found.basis, torch.zeros_like(norms[0][:, 0])
    every = torch.arange(found.classes) if y is None else y[:, None]
    made = cotangents.hard_labels(found.logits, every)
    if found.joined:
        assert y is not None
        lengths = cotangents.surprise(found.logits).gather(1, y[:, None].to(found.logits.device))
        made = (made * lengths[:, None]).reshape(1, -1, 1)
    c = _coordinates_of_sum_zero(found, made)
    above, below = (
        torch.linalg.vector_norm(found.factor(place)[:, :, : c.shape[1]] @ c, dim=1)
        for place in (i, j)
    )
    spread = torch.linalg.matrix_norm(found.factor(j)[:, :, : c.shape[1]])
    least = 4 * torch.finfo(found.logits.dtype).eps * spread
    lost = below <= least[:, None] * torch.linalg.vector_norm(c, dim=1)
    cancelled = (lost & (below > 0)).any(1)
    return above, torch.where(lost, 0.0, below), made, torch.where(cancelled, least, 0.0)


def _coordinates_of_sum_zero(found: Reachable, a: Tensor) -> Tensor:
    """c with basis·c = a for a ⊥ 1: the entries of a but the top one's, exactly."""
    top = found.logits.argmax(1)
    others = cotangents.others_of(top, found.classes)
    if found.joined:
        first = found.classes * torch.arange(len(top), device=others.device)
        others = (others + first[:, None]).reshape(1, -1)
    return a.gather(1, others[:, :, None].expand(-1, -1, a.shape[2]))


def _coordinates(found: Reachable, to: Tensor, theta: float) -> Tensor:
    """The coordinates of the loss's ∂L/∂z. Raises InputError for one that is not in the basis."""
    given = cotangents.check_directions(to, "the ∂L/∂z of a loss")
    if not 0 <= theta <= torch.pi / 2:
        raise InputError(f"an angle of {theta} is none of 0 … π/2, in radians")
    if given.shape != found.logits.shape:
        raise InputError(f"∂L/∂z of {tuple(to.shape)}: the logits are {tuple(found.logits.shape)}")
    given = given.to(found.basis).reshape(len(found.basis), -1, 1)
    length = torch.linalg.vector_norm(given, dim=1, keepdim=True)
    if not (length > 0).all():
        raise InputError("a loss without a signal has no angle to others")
    given = given / length
    c = torch.linalg.lstsq(found.basis, given).solution
    if not ((found.basis @ c - given).abs() <= 1e-6).all():
        raise InputError("the loss's ∂L/∂z is not in the basis: ask `reachable` for basis='all'")
    return c[:, :, 0]
