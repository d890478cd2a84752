"""Finds the blocks in which two analyses differ: in kind, by a factor in gain, in cause."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from validate.analysis.analysis_document import Analysis, BlockAnalysis

APART = 2.0
"""Gains that differ by no more are those of the same block: another seed moves them as far."""
SHOWN = 12


@dataclass(frozen=True)
class BlockDifference:
    """A block that both have, what it is in the first and in the second, and what differs."""

    name: str
    before: str
    after: str
    why: str


@dataclass(frozen=True)
class Differences:
    """Of two analyses: `said` in one sentence without a full stop, and the blocks that differ."""

    first: str
    second: str
    said: str
    rows: tuple[BlockDifference, ...]


def differences(found: Sequence[Analysis]) -> list[Differences]:
    """Of the first analysis and each of the others."""
    return [_between(found[0], other) for other in found[1:]]


def differences_text(found: Sequence[Analysis]) -> Iterator[str]:
    """The same as lines of text."""
    for each in differences(found):
        yield ""
        yield each.said
        width = max([0, *(len(row.name) for row in each.rows[:SHOWN])])
        for row in each.rows[:SHOWN]:
            yield f"  {row.name:{width}}  {row.before} → {row.after}: {row.why}"
        if len(each.rows) > SHOWN:
            yield f"  and {len(each.rows) - SHOWN} more"


def _between(first: Analysis, second: Analysis) -> Differences:
    names = [block.name for block in first], [block.name for block in second]
    both = _paired(first, second)
    rows = tuple(row for one, other in both if (row := _row(one, other)) is not None)
    what = f"{first.target} and {second.target}"
    if not both:
        said = f"{what} have no block in the same place: nothing is compared block by block"
    elif not rows:
        said = f"{what}: none of {len(both)} blocks differs in kind or cause, or by {APART:g} times"
    else:
        said = f"{what} differ in {len(rows)} of {len(both)} blocks"
    if both and names[0] != names[1]:
        alone = [len(each) - len(both) for each in names]
        said += " that stand in the same place"
        if any(alone):
            said += f"; {alone[0]} and {alone[1]} are in one alone"
    return Differences(first.target, second.target, said, rows)


def _paired(first: Analysis, second: Analysis) -> list[tuple[BlockAnalysis, BlockAnalysis]]:
    """Blocks of one name, or of which one is the only part of the other: 3.conv, and 3."""
    exact = {block.name for block in first} & {block.name for block in second}
    rest = [block for block in second if block.name not in exact]
    pairs = {block.name: block for block in second if block.name in exact}
    parts = {
        block.name: [other for other in rest if _one_holds_the_other(block.name, other.name)]
        for block in first
        if block.name not in exact
    }
    for name, found in parts.items():
        if len(found) == 1 and sum(found[0] in others for others in parts.values()) == 1:
            pairs[name] = found[0]
    return [(block, pairs[block.name]) for block in first if block.name in pairs]


def _one_holds_the_other(one: str, other: str) -> bool:
    return one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _row(one: BlockAnalysis, other: BlockAnalysis) -> BlockDifference | None:
    why = []
    if one.kind != other.kind:
        why.append("another kind")
    before, after = (block.gain.median if block.gain else None for block in (one, other))
    if before is None or after is None:
        if before is not after:
            why.append("a signal reaches it in one alone")
    elif 0 in (before, after):
        if before != after:
            why.append("the signal gets through in one alone")
    elif max(before / after, after / before) > APART:
        times = f"{after / before:.2g} times" if after > before else f"1/{before / after:.2g}"
        why.append(f"{times} the gain")
    if _cause(one) != _cause(other):
        why.append(f"cause: {_cause(one) or 'none'} → {_cause(other) or 'none'}")
    if not why:
        return None
    name = one.name if one.name == other.name else f"{one.name}, {other.name}"
    return BlockDifference(name, _said(one), _said(other), "; ".join(why))


def _cause(block: BlockAnalysis) -> str:
    """The cause without its numbers."""
    return (block.lost_by or "").partition(":")[0].partition(",")[0]


def _said(block: BlockAnalysis) -> str:
    gain = f"{block.gain.median:.3g}" if block.gain else "no signal"
    return f"{gain} ({block.kind.replace('_', ' ')})"
