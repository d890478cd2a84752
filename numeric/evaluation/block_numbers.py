"""Holds what the formulas say of one block in numbers, and finds the bound that says most."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from derivations.algebra.quantities import Definition, NumericalRange, SigmaMax, SigmaMinAdjoint
from derivations.algebra.showing import Showing, Shown
from derivations.errors import InputError
from derivations.rules.bound_types import Bound, Order
from numeric.runs.sample_summary import HEAD, samples, spread_of, without_gain


@dataclass(frozen=True, repr=False)
class BoundNumbers(Shown):
    """One bound for every sample: `value` (batch,) bounds γ = ‖∂L/∂x‖₂ / ‖∂L/∂H‖₂ from its side.

    For a sample that does not meet its condition (no signal where it is relative to one, as behind
    a dead ReLU) it says nothing: 0 from below, ∞ from above.

    `certainty` is "exact" (up to floating point), "probable" (holds with probability ≥ 1 − `delta`
    for each sample), "certified" (rounding included) or "law" (holds for a share ≥ 1 − `delta` of
    all draws of the weights; of weights that were not drawn so it says nothing). `reason` says what
    the bound rests on and for which signals it holds.
    """

    id: str
    side: str
    certainty: str
    delta: float | None
    value: Tensor
    reason: str = ""

    def showing(self) -> Showing:
        return bounds_shown(
            "Bound on the gain", {}, (self,), ((self.reason,) if self.reason else ())
        )


@dataclass(frozen=True, repr=False)
class BlockNumbers(Shown):
    """What the formulas say of one block: tensors (batch,), except `pullback` (batch, n) = ∂L/∂x.

    `gain` is γ = ‖pullback‖ / ‖g‖. `terms` holds norms ("norm_g", "norm_pullback", and "norm " +
    each addend of the pullback), the quantities t and c where the block has them, and "cosine_law":
    γ by the law of cosines. Where the base of t is zero, t is 0 if the branch adds nothing, else
    infinite, and the law is γ itself. `live` (batch,) says which samples have a backward signal
    that is not zero: only those have a gain. Of the others the pullback is 0 and all other numbers
    are NaN.
    """

    pullback: Tensor
    gain: Tensor
    terms: Mapping[str, Tensor]
    bounds: tuple[BoundNumbers, ...]
    live: Tensor

    @property
    def vanished(self) -> tuple[int, ...]:
        """The samples without a gain, for their backward signal is exactly zero."""
        return tuple((~self.live).nonzero()[:, 0].tolist())

    def tightest(self, side: str) -> tuple[BoundNumbers, ...]:
        """For each sample the bound of this side ("lower" or "upper") that says most.

        Its `reason` says why it can. Of equal bounds it is the first, which needs least. Raises
        InputError if there is no such bound.
        """
        return tightest(self.bounds, side)

    def showing(self) -> Showing:
        numbers = {"gain": self.gain}
        numbers |= {name: self.terms[name] for name in ("t", "c") if name in self.terms}
        title = f"Gain and bounds over {samples(len(self.gain))}"
        return bounds_shown(title, numbers, self.bounds, without_gain(self.live))


def bounds_shown(
    title: str,
    numbers: Mapping[str, Tensor],
    bounding: Iterable[BoundNumbers],
    notes: tuple[str, ...] = (),
) -> Showing:
    """Numbers and bounds over the samples, each bound with its certainty."""
    sign = {"lower": "gain ≥", "upper": "gain ≤"}
    rows = [(name, "", *spread_of(values), "") for name, values in numbers.items()]
    rows += [
        (
            each.id,
            sign.get(each.side, "gain ="),
            *spread_of(each.value, each.side),
            each.certainty + (f", δ = {each.delta:.3g}" if each.delta else ""),
        )
        for each in bounding
    ]
    return Showing(title, ("", "", *HEAD, "certainty"), tuple(rows), notes)


def tightest(bounding: Sequence[BoundNumbers], side: str) -> tuple[BoundNumbers, ...]:
    """For each sample the bound of this side that says most, of equal ones the first.

    Those of certainty "law" are passed over: they are about draws of the weights, not about these.
    Raises InputError if there is no such bound.
    """
    sided = [bound for bound in bounding if bound.side == side and bound.certainty != "law"]
    if not sided:
        raise InputError(
            f"there is no {side} bound among "
            f"{', '.join(bound.id for bound in bounding) or 'none'}: evaluate with spectra"
        )
    values = torch.stack([bound.value for bound in sided])
    best = values.argmax(0) if side == "lower" else values.argmin(0)
    return tuple(sided[index] for index in best.tolist())


def needs_spectra(bound: Bound) -> bool:
    """Whether a bound is made of singular values or Rayleigh quotients, which are only enclosed."""
    return any(needs_spectrum(q.definition) for q in bound.quantities)


def needs_spectrum(definition: Definition) -> bool:
    return isinstance(definition, (SigmaMax, SigmaMinAdjoint, NumericalRange))


def not_looser(
    numbers: Mapping[Bound, BoundNumbers], order: Iterable[Order]
) -> dict[str, BoundNumbers]:
    """The bounds by id, where one of spectra says no less than one that is proved to be looser.

    An enclosure that has not converged, or that is trivial, leaves a bound behind what another one
    knows; by the proved order what the looser one says is then true of the tighter one too.
    """
    known = {number.id: number for number in numbers.values()}
    enclosed = {bound.id for bound in numbers if needs_spectra(bound)}
    for tighter, looser in dict.fromkeys((pair.tighter, pair.looser) for pair in order):
        if tighter in enclosed and looser in known:
            known[tighter] = _raised(known[tighter], known[looser])
    return known


def _raised(tighter: BoundNumbers, looser: BoundNumbers) -> BoundNumbers:
    better = torch.maximum if tighter.side == "lower" else torch.minimum
    value = better(tighter.value, looser.value)
    if torch.equal(value, tighter.value):
        return tighter
    # Union bound: the value is wrong only where one of the two is.
    delta = (tighter.delta or 0.0) + (looser.delta or 0.0)
    return replace(
        tighter, value=value, delta=delta or None, reason=f"{tighter.reason}; or by {looser.id}"
    )
