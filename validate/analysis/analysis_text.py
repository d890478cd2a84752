"""Prints an analysis for a terminal, and as a LaTeX table: worst blocks first, then all of them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from derivations.book.prose import plain
from validate.analysis.analysis_document import Analysis, BlockAnalysis, BoundValue, block_bound
from validate.analysis.headline import headline, outward
from validate.analysis.noted_lines import noted_lines

WIDTH = 12
"""Characters of the longest bar, on either side of gain 1."""
LEAST = 2.0
"""The scale of the bars reaches at least to a gain of so much, and to its inverse."""


def text(found: Analysis) -> str:
    """The analysis in words: what it is of, the chain with its gains, the blocks that lose most."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Analysis) -> Iterator[str]:
    shapes = " ".join("×".join(map(str, shape)) for shape in found.input_shape)
    yield f"{found.target}  {found.dtype} on {found.device}, input {shapes}"
    yield f"signal: {found.signal}"
    yield from (f"! {remark}" for remark in found.capture.remarks)
    yield headline(found).answer
    yield ""
    width = max([5, *(len(block.name) for block in found.shown)])
    yield f"{'block':{width}}  {'kind':14}  {'gain':>8}  {'t':>6}  {'c':>6}  {'bounds':>16}"
    scale = _scale(found)
    for block in found.shown:
        yield _row(block, width, scale)
    yield f"{'':{width + 61}}│ is gain 1, a whole bar {math.exp(scale):.3g} times more or less"
    if hidden := len(found.blocks) - len(found.shown):
        yield f"{'':{width}}  and {hidden} that only move entries, of gain 1"
    yield from _whatever_the_loss(found, width)
    yield from _weights_whatever_the_loss(found)
    total = found.total
    if total.measured is not None:
        said = f"whole chain: measured {total.measured:.4g}"
        if total.predicted is not None:
            off = f"worst block's pullback off by {total.relative_error or 0:.1e}"
            said += f", predicted {total.predicted:.4g}; {off}"
        yield ""
        yield said
    yield from _lost(found)
    noted = noted_lines(found)
    if noted:
        yield ""
        yield "what else is worth a word"
    for line in noted[:8]:
        yield f"  {line.who} ({line.kind}): {line.words}"
        if line.advice:
            yield f"      {line.advice}"


def _lost(found: Analysis) -> Iterator[str]:
    """The blocks that lose the signal, where the input is lost, and what no signal reaches."""
    origin = found.origin if found.origin and found.origin.gain is None else None
    if found.losing or found.unreached or origin:
        yield ""
        yield "where the gradient is lost"
    for block in (*found.losing[:8], *filter(None, [origin])):
        yield from _cause(block)
    if found.unreached:
        names = ", ".join(block.name for block in found.unreached[:4])
        more = f" and {len(found.unreached) - 4} more" if len(found.unreached) > 4 else ""
        yield f"  {names}{more}: {found.unreached[0].lost_by}"


def _cause(block: BlockAnalysis) -> Iterator[str]:
    yield f"  {block.name} ({block.kind}): {block.lost_by}"
    if block.advice:
        yield f"      {block.advice}"


def _row(block: BlockAnalysis, width: int, scale: float) -> str:
    gain = f"{block.gain.median:8.3g}" if block.gain else f"{'–':>8}"
    t, c = (
        f"{each:6.2f}".replace("-0.00", " 0.00") if each is not None else f"{'':6}"
        for each in (block.terms.t, block.terms.c)
    )
    lower, upper = block_bound(block, "lower"), block_bound(block, "upper")
    low = outward(lower, "lower") if lower is not None else ""
    high = outward(upper, "upper") if upper is not None else ""
    band = f"{low} … {high}" if low or high else ""
    bar = _bar(block.gain.median, scale) if block.gain else ""
    return f"{block.name:{width}}  {block.kind:14}  {gain}  {t}  {c}  {band:>16}  {bar}".rstrip()


def _scale(found: Analysis) -> float:
    """The largest |log gain| that is shown; a gain of 0 has a whole bar on any scale."""
    gains = [block.gain.median for block in found.shown if block.gain and block.gain.median > 0]
    return max(math.log(LEAST), *(abs(math.log(gain)) for gain in gains), 0.0)


def _bar(gain: float, scale: float) -> str:
    """A bar from the middle: to the left where a signal shrinks, to the right where it grows."""
    length = round(WIDTH * math.log(gain) / scale) if gain > 0 else -WIDTH
    return f"{'█' * -length:>{WIDTH}}│{'█' * length}"


WEIGHTS = 12
"""Parameters that are shown: all have their numbers in the JSON."""
WHATEVER = "whatever the loss"
LOSSES = {
    "every_loss.all": "every loss",
    "every_loss.shift_invariant": "shift-invariant",
    "every_loss.labels": "any hard label",
}


def _whatever_the_loss(found: Analysis, width: int) -> Iterator[str]:
    """A line a block: what holds of every sample's gain, by the losses it holds for."""
    rows = {block.name: ends for block in found.shown if (ends := _ends(block.bounds))}
    if not rows:
        return
    yield ""
    width = max(width, len(WHATEVER))
    heads = "  ".join(f"{name:>18}" for name in LOSSES.values())
    yield f"{WHATEVER:{width}}  {heads}"
    for name, ends in rows.items():
        yield f"{name:{width}}  {_bands(ends)}".rstrip()
    yield "of each of these samples, in the model's present mode, where the loss sees logits alone"
    floored = any("rounding" in each.holds_for for ends in rows.values() for each in ends.values())
    if floored:
        yield "of some blocks for signals above rounding alone: see holds_for"


def _weights_whatever_the_loss(found: Analysis) -> Iterator[str]:
    """A line a parameter, those with the least measured ratio: how much of what enters at a
    sample's logits comes to it.
    """
    rows = [each for each in found.parameters if each.bounds]
    if not rows:
        return
    least = sorted(rows, key=lambda each: each.sample_ratio.median if each.sample_ratio else 0.0)
    names = {each.name for each in least[:WEIGHTS]}
    shown = [each for each in rows if each.name in names]
    width = max(len(each.name) for each in shown)
    yield ""
    heads = "  ".join(f"{name:>18}" for name in LOSSES.values())
    yield f"{'parameter':{width}}  {'measured':>8}  {heads}"
    for each in shown:
        ratio = f"{each.sample_ratio.median:8.3g}" if each.sample_ratio else f"{'–':>8}"
        yield f"{each.name:{width}}  {ratio}  {_bands(_ends(each.bounds))}".rstrip()
    if len(rows) > len(shown):
        yield f"and {len(rows) - len(shown)} parameters whose measured ratio is larger"
    if any("rounding" in end.holds_for for each in shown for end in each.bounds):
        yield "a band from 0 may be rounding alone: see holds_for"
    yield "‖∂L/∂W‖/‖∂L/∂z‖ of each sample's own part of the gradient, z its logits, whatever the"
    yield "reduction of the loss; of the batch's sum no lower bound, for samples may cancel in it"


def _ends(bounds: Sequence[BoundValue]) -> dict[tuple[str, str], BoundValue]:
    return {(each.id, each.side): each for each in bounds if each.id in LOSSES}


def _bands(ends: Mapping[Any, BoundValue]) -> str:
    return "  ".join(f"{_band(ends, each):>18}" for each in LOSSES)


def _band(ends: Mapping[Any, BoundValue], name: str) -> str:
    low, high = (ends.get((name, side)) for side in ("lower", "upper"))
    if low is None or high is None:
        return ""
    least = outward(low.value or 0.0, "lower")
    return f"{least} … " + (outward(high.value, "upper") if high.value is not None else "∞")


def latex(found: Analysis) -> str:
    """A booktabs table: block, kind, median gain, pullback."""
    rows = [
        rf"{plain(block.name)} & {plain(block.kind)} & "
        rf"{f'{block.gain.median:.3g}' if block.gain else '--'} & ${block.pullback_latex}$ \\"
        for block in found.blocks
    ]
    head = [
        r"\begin{tabular}{llrl}",
        r"\toprule",
        r"block & kind & $\gamma$ & $\partial L/\partial x$ \\",
    ]
    return "\n".join([*head, r"\midrule", *rows, r"\bottomrule", r"\end{tabular}"]) + "\n"
