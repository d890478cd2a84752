"""Says what takes the gradient away in a block, and what the theory says would help.

Only what is measured is named, and only what is derived is advised, with its formula.
"""

from dataclasses import dataclass

import torch

from derivations.algebra.terms import Gate, Pointwise, Term, parts_of
from numeric import BlockNumbers, Captured

LOSES = 0.5
"""A median gain below this is worth a word."""
CONTRACTS = 0.1
"""A layer without a skip and a mask contracts at any usual initialization: below this it counts."""
ANTI = -0.5
AIM = 0.5
MASKS = ("relu", "relu_", "relu6", "threshold", "hardtanh", "clamp", "clamp_min", "hardswish")


@dataclass(frozen=True)
class Cause:
    """In words: what loses the gradient, and what would help; None where nothing is known."""

    lost_by: str | None = None
    advice: str | None = None


def cause_of(segment: Captured, numbers: BlockNumbers) -> Cause:
    """The cause of a small gain, from the numbers of the block itself."""
    live = numbers.live
    if not live.any():
        return Cause()
    gain = float(numbers.gain[live].median())
    if gain >= LOSES:
        return Cause()
    t, c = (median_term(numbers, name) for name in ("t", "c"))
    if t is not None and c is not None:
        return _with_skip(t, c)
    if gain == 0:
        return _nothing(segment, numbers)
    if _has(segment.term, Gate):
        return Cause(f"gate: it lets {gain:.2g} of the signal through")
    if isinstance(segment.term, Pointwise):
        return Cause(f"mask: the slopes of {_functions(segment)} let {gain:.2g} of it through")
    if gain >= CONTRACTS:
        return Cause()
    passing = (
        "without a skip"
        if not set(segment.entry) & set(segment.exit)
        else "little of the signal passes by it, and"
    )
    return Cause(f"contraction: {passing}, what arrives is ‖Jᵀg‖ = {gain:.2g} ‖g‖")


def _with_skip(t: float, c: float) -> Cause:
    """γ² = 1 + 2tc + t² is small only where c is near −1 and t near 1."""
    lost = (
        f"anti-alignment: branch and skip cancel, t = {t:.2g}, c = {c:.2g}"
        if c < ANTI
        else (f"the branch: t = {t:.2g}, c = {c:.2g}")
    )
    if t == 0:
        return Cause(lost)
    scale = AIM / t
    return Cause(
        lost,
        f"scaled by α the branch leaves γ ≥ 1 − αt for this signal: α = {scale:.2g} leaves {AIM:g}",
    )


def _nothing(segment: Captured, numbers: BlockNumbers) -> Cause:
    """At least half of the samples get nothing through."""
    shut = float((numbers.gain[numbers.live] == 0).double().mean())
    of_samples = "" if shut == 1 else f" for {shut:.0%} of the samples"
    ran = [f for region in segment.regions.values() for f in region.functions]
    masks = [name for name in dict.fromkeys(ran) if name in MASKS]
    if masks or isinstance(segment.term, Pointwise):
        names = ", ".join(masks) or _functions(segment)
        return Cause(
            f"mask: every slope of {names} that the signal meets is 0{of_samples} (dead units)"
        )
    return Cause(
        f"kernel: {_functions(segment)} leaves nothing of this signal{of_samples}, Jᵀg = 0"
    )


def _functions(segment: Captured) -> str:
    names = dict.fromkeys(name for region in segment.regions.values() for name in region.functions)
    found = list(names)
    return ", ".join(found) if len(found) <= 3 else f"{found[0]} … {found[-1]}"


def median_term(numbers: BlockNumbers, name: str) -> float | None:
    """The median of a term over the samples that have it; None where the block has no such term."""
    value = numbers.terms.get(name)
    if value is None:
        return None
    kept = value[numbers.live & torch.isfinite(value)]
    return float(kept.median()) if len(kept) else None


def _has(term: Term, kind: type[Term]) -> bool:
    return isinstance(term, kind) or any(_has(part, kind) for part in parts_of(term))
