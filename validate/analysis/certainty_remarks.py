"""Says in words what bounds are good for: those of attention, and those of the whole chain."""

import math
from collections.abc import Iterator, Sequence

from numeric import Captured
from numeric.recording.operations import name_of
from validate.analysis.analysis_document import BlockAnalysis, Total

SAYS = 100.0
"""Products of bounds that are further than this from what is measured, on both sides, are called
trivial.
"""
_MATRIX_PRODUCTS = ("bmm", "matmul", "mm", "baddbmm", "addmm")
_SOFTMAX = ("_softmax", "softmax")


def certainty_remarks(
    segments: Sequence[Captured], blocks: Sequence[BlockAnalysis], total: Total
) -> list[str]:
    """What is said of the blocks with attention, and of the product of the blocks' bounds."""
    return [*_attention(segments), *_product(blocks, total)]


def attends(segment: Captured) -> bool:
    """Whether a block holds attention: one of torch's, or a softmax beside a product of two
    matrices that both depend on its input.
    """
    if "attention" in segment.tags:
        return True
    steps = segment.steps
    products = [s for s in steps if name_of(s.node) in _MATRIX_PRODUCTS and len(s.operands) > 1]
    return bool(products) and any(name_of(step.node) in _SOFTMAX for step in steps)


def _attention(segments: Sequence[Captured]) -> Iterator[str]:
    names = [each.name for each in segments if attends(each)]
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield (
            f"{', '.join(names[:3])}{more}: attention, of which no global bound exists, for its "
            "slopes grow with its input: every bound is of this input, and a probable σ only with "
            "spectra"
        )


def _product(blocks: Sequence[BlockAnalysis], total: Total) -> Iterator[str]:
    """γ of the chain lies between the products of what holds for every signal at each block."""
    low, high = 1.0, 0.0
    for block in blocks:
        held = [b for b in block.bounds if b.holds_for == "every backward signal"]
        lower = [b.value for b in held if b.side == "lower" and b.value is not None]
        upper = [b.value for b in held if b.side == "upper" and b.value is not None]
        if not upper:
            return
        low *= max(lower, default=0.0)
        high += math.log10(min(upper)) if min(upper) > 0 else -math.inf
    if not blocks or not total.measured:
        return
    measured = math.log10(total.measured)
    close = low > 0 and measured - math.log10(low) <= math.log10(SAYS)
    if close or high - measured <= math.log10(SAYS):
        return
    below = "0" if low == 0 else f"10^{math.log10(low):.2f}"
    yield (
        "the product of the blocks' bounds for every signal is trivial for the whole chain: "
        f"10^{high:.2g} above, {below} below, measured 10^{measured:.2f}"
    )
