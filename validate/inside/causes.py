"""Says what takes the gradient away in a block, or makes it large, and what would help.

Only what is measured is named, and only what is derived is advised, with its formula.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from derivations.algebra.terms import Gate, Pointwise, Term, parts_of
from numeric import BlockNumbers, Captured
from validate.inside.cause_words import EXPANDS, LOSES
from validate.inside.inner_causes import InnerCause

CONTRACTS = 0.1
"""A layer without a skip and a mask contracts at any usual initialization: below this it counts."""
FADES = 0.01
"""A branch that adds less than this to its skip passes next to nothing."""
ANTI = -0.5
AIM = 0.5
MASKS = ("relu", "relu_", "relu6", "threshold", "hardtanh", "clamp", "clamp_min", "hardswish")
FEW_OPEN = 0.1
"""About half of the entries of a ReLU are open at any usual initialization: fewer are a cause."""
SAME = 1e-6
"""A skip whose part of the signal is nearer to 1 is the identity, in float32."""
SLOPE = 0.01
"""Of a leaky ReLU, as torch makes it."""


@dataclass(frozen=True)
class Cause:
    """In words: what loses the gradient, and what would help; None where nothing is known."""

    lost_by: str | None = None
    advice: str | None = None


def worth_a_look(numbers: BlockNumbers) -> bool:
    """Whether a block's gain, or what its branch adds, is so far from usual that it has a cause."""
    if not numbers.live.any():
        return False
    gain, t = _gain(numbers), median_term(numbers, "t")
    return not LOSES <= gain <= EXPANDS or (t is not None and t < FADES)


def cause_of(
    segment: Captured,
    numbers: BlockNumbers,
    inside: InnerCause | None = None,
    spectra: BlockNumbers | None = None,
) -> Cause:
    """The cause of a gain that is small or large, or of a branch that passes nothing, from the
    numbers of the block itself and what was seen `inside` it.
    """
    if not worth_a_look(numbers):
        return Cause()
    inside = inside or InnerCause()
    gain = _gain(numbers)
    if gain < LOSES:  # what an average takes of every signal is no loss
        gain *= math.sqrt(inside.averaged)
    if None not in (median_term(numbers, name) for name in ("t", "c")):
        return _with_skip(gain, numbers, inside, spectra)
    if gain > EXPANDS:
        return _expansion(gain, inside)
    if inside.averaged > 1 and gain >= LOSES:
        return Cause()
    return _shut(segment, gain, numbers, inside) or _contraction(segment, gain, numbers, inside)


def _shut(
    segment: Captured, gain: float, numbers: BlockNumbers, inside: InnerCause
) -> Cause | None:
    """What lets little through where it is one thing: a kernel, a gate, a mask."""
    advice = _without_skip(numbers, inside)
    if gain == 0:
        return Cause(_nothing(segment, numbers, inside), advice)
    if inside.shut is not None:
        return Cause(inside.shut, advice)
    if inside.gate is None and _has(segment.term, Gate):
        return Cause(f"gate: it lets {gain:.2g} of the signal through", advice)
    if isinstance(segment.term, Pointwise):
        said = f"mask: the slopes of {_functions(segment)} let {gain:.2g} of it through"
        return Cause(said, advice)
    return _mostly_shut(gain, inside)


def _contraction(
    segment: Captured, gain: float, numbers: BlockNumbers, inside: InnerCause
) -> Cause:
    """Layers without a skip that pass less than they do at any usual initialization."""
    if gain >= CONTRACTS:
        return Cause()
    passing = (
        "without a skip"
        if not set(segment.entry) & set(segment.exit)
        else "little of the signal passes by it, and"
    )
    said = f"contraction: {passing}, what arrives is ‖Jᵀg‖ = {_gain(numbers):.2g} ‖g‖"
    if inside.averaged > 1:
        said += f", {gain:.2g} apart from its averages"
    if inside.least is not None and inside.least[1] < 1:
        said += f"; least of it passes {inside.least[0]}, {inside.least[1]:.2g}"
    return Cause(said, _without_skip(numbers, inside))


def _mostly_shut(gain: float, inside: InnerCause) -> Cause | None:
    """A ReLU that is open at few entries, and for which most of the loss is: half of its logarithm
    or more.
    """
    mask = inside.mask
    if mask is None or mask.share >= FEW_OPEN or mask.passed**2 > gain:
        return None
    return Cause(
        f"mask: the ReLU {mask.where} lets {mask.share:.1%} of its entries through, which leaves "
        f"{mask.passed:.2g} of the signal there; half of them would leave about 0.71"
    )


def _gain(numbers: BlockNumbers) -> float:
    return float(numbers.gain[numbers.live].median())


def _with_skip(
    gain: float, numbers: BlockNumbers, inside: InnerCause, spectra: BlockNumbers | None
) -> Cause:
    """γ² = r² (1 + 2tc + t²), r the part of the signal that meets the skip and leaves it."""
    t, c = (median_term(numbers, name) or 0.0 for name in ("t", "c"))
    if LOSES <= gain <= EXPANDS:
        return _idle_branch(t, numbers, inside)
    if gain > EXPANDS:
        said = f"expansion: the branch sends back t = {t:.3g} times what its skip carries"
    elif c < ANTI:
        said = f"anti-alignment: branch and skip cancel, t = {t:.2g}, c = {c:.2g}"
    else:
        said = f"the branch: t = {t:.2g}, c = {c:.2g}"
    return Cause(said, _for_every_signal(spectra) or _for_this_signal(numbers, gain > EXPANDS))


def _idle_branch(t: float, numbers: BlockNumbers, inside: InnerCause) -> Cause:
    """A branch that adds next to nothing: no loss, and no use of its weights either."""
    shut = float((numbers.terms["t"][numbers.live] == 0).double().mean())
    why = inside.words if shut == 1 else inside.shut
    if t > 0 and why is None:
        return Cause()
    how = f"next to nothing, t = {t:.2g}" if t > 0 else "nothing"
    some = f" for {shut:.0%} of the samples" if t == 0 and shut < 1 else ""
    said = f"the branch passes {how}{some}"
    return Cause(f"{said}: {why}" if why else said, _leaky(inside))


def _for_this_signal(numbers: BlockNumbers, above: bool) -> str | None:
    """|γ/r − 1| ≤ αt for the branch scaled by α, for every sample: t is the largest."""
    t, r = float(numbers.terms["t"][numbers.live].max()), _part_of_skip(numbers)
    if not 0 < t < math.inf or r is None:
        return None
    alpha = _below((1.0 if above else AIM) / t)
    end = _above(float(r.max())) if above else _below(float(r.min()))
    plain = bool(((r - 1).abs() <= SAME).all())
    part = "" if plain else f", r = {end:g} what the skip alone passes"
    sign, least, times = ("≤", 1 + alpha * t, "1 + αt") if above else ("≥", 1 - alpha * t, "1 − αt")
    formula = times if plain else f"r({times})"
    left = least if plain else end * least
    shown = _above(left) if above else _below(left)
    return (
        f"scaled by α the branch leaves γ {sign} {formula} for this signal{part}: α = {alpha:g} "
        f"leaves {shown:g}"
    )


def _part_of_skip(numbers: BlockNumbers) -> Tensor | None:
    """‖what the skip alone passes‖ / ‖g‖ of each sample, from the bound r (1 + t)."""
    for bound in numbers.bounds:
        if bound.id.endswith(".triangle.upper"):
            found = bound.value / (1 + numbers.terms["t"])
            kept = found[numbers.live]
            return kept if len(kept) and kept.isfinite().all() else None
    return None


def _for_every_signal(spectra: BlockNumbers | None) -> str | None:
    """γ ≥ 1 − α σ and γ ≤ 1 + α σ for the branch's largest singular value σ, which the uniform
    upper bound 1 + σ tells; None without spectra, or where nothing is known of σ.
    """
    known = {bound.id: bound for bound in spectra.bounds} if spectra is not None else {}
    upper = known.get("residual.uniform.upper")
    if upper is None or not upper.value.isfinite().all():
        return None
    sigma = _above(float(upper.value.max()) - 1, 3)
    if not sigma > 0:
        return None
    alpha = _below(AIM / sigma)
    chance = f" ({upper.certainty}, δ = {upper.delta:g} a sample)" if upper.delta else ""
    return (
        f"σ_max of the branch is at most {sigma:g} here{chance}; scaled by α = {alpha:g} it leaves "
        f"1 − ασ = {_below(1 - alpha * sigma):g} ≤ γ ≤ 1 + ασ = {_above(1 + alpha * sigma):g} for "
        "every signal"
    )


def _below(value: float, digits: int = 2) -> float:
    """The number of so many digits below a positive one: what is promised with it holds."""
    unit = 10.0 ** (math.floor(math.log10(value)) - digits + 1) if value > 0 else 1.0
    return float(f"{math.floor(value / unit + SAME) * unit:.{digits}g}")


def _above(value: float, digits: int = 2) -> float:
    unit = 10.0 ** (math.floor(math.log10(value)) - digits + 1) if value > 0 else 1.0
    return float(f"{math.ceil(value / unit - SAME) * unit:.{digits}g}")


def _expansion(gain: float, inside: InnerCause) -> Cause:
    said = f"expansion: without a skip, what arrives is ‖Jᵀg‖ = {gain:.3g} ‖g‖"
    if inside.most is not None and inside.most[1] > 1:
        said += f"; most of it is made by {inside.most[0]}, {inside.most[1]:.3g}"
    return Cause(
        said,
        f"scaled by α the block's result has the gain αγ for this signal: α = {_below(1 / gain):g} "
        f"leaves {_below(1 / gain) * gain:.2g}",
    )


def _without_skip(numbers: BlockNumbers, inside: InnerCause) -> str | None:
    """What a leaky ReLU, or a skip around a block that keeps its size, would leave."""
    if (said := _leaky(inside)) is not None:
        return said
    most = float(numbers.gain[numbers.live].max())
    if not inside.keeps_shape or most > AIM:
        return None
    return (
        "with a skip around it, x + F(x), the block leaves γ ≥ 1 − t for this signal, t = "
        f"{_above(most):g} what F passes now: {_below(1 - _above(most)):g}"
    )


def _leaky(inside: InnerCause) -> str | None:
    """The pointwise bound: γ ≥ min|slope|, and a leaky ReLU's slopes are 1 and a."""
    if not inside.leaky or not (inside.shut or "").startswith("mask"):
        return None
    return (
        f"a leaky ReLU of slope a has γ ≥ min(a, 1) at the mask for every signal: a = {SLOPE:g} "
        f"leaves {SLOPE:g} there"
    )


def _nothing(segment: Captured, numbers: BlockNumbers, inside: InnerCause) -> str:
    """At least half of the samples get nothing through."""
    shut = float((numbers.gain[numbers.live] == 0).double().mean())
    if shut == 1 and inside.words is not None:
        return inside.words
    of_samples = "" if shut == 1 else f" for {shut:.0%} of the samples"
    if inside.shut is not None:
        return f"{inside.shut}; nothing gets through{of_samples}"
    ran = [f for region in segment.regions.values() for f in region.functions]
    masks = [name for name in dict.fromkeys(ran) if name in MASKS]
    if masks or isinstance(segment.term, Pointwise):
        names = ", ".join(masks) or _functions(segment)
        return f"mask: every slope of {names} that the signal meets is 0{of_samples} (dead units)"
    return f"kernel: {_functions(segment)} leaves nothing of this signal{of_samples}, Jᵀg = 0"


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
