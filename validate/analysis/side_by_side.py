"""Sets the analyses of several models side by side."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from validate.analysis.analysis_document import Analysis
from validate.analysis.block_differences import differences_text


@dataclass(frozen=True)
class Comparison:
    """Several analyses; it prints itself as one table, a line a model, the least total first, and
    the blocks in which each differs from the first.
    """

    analyses: tuple[Analysis, ...]

    def __iter__(self) -> Iterator[Analysis]:
        return iter(self.analyses)

    def __str__(self) -> str:
        return comparison_text(self.analyses)

    __repr__ = __str__


def comparison_text(found: Sequence[Analysis]) -> str:
    """A line for each model: its blocks, its whole chain, and the block that loses most; then the
    blocks that differ.
    """
    width = max([5, *(len(each.target) for each in found)])
    apart = ", averages apart" if any(each.averaging for each in found) else ""
    lines = [f"{'model':{width}}  {'blocks':>6}  {'whole chain':>12}  least gain{apart}"]
    for each in sorted(found, key=lambda one: one.total.measured or 0.0):
        total = f"{each.total.measured:.3g}" if each.total.measured is not None else "–"
        worst = each.worst[0] if each.blocks else None
        least = "–"
        if worst is not None:
            gain = "no signal" if worst.judged is None else f"{worst.judged:.3g}"
            least = f"{gain} in {worst.name} ({worst.kind})"
        kinds = Counter(block.kind for block in each.blocks)
        counts = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
        lines.append(f"{each.target:{width}}  {len(each.blocks):6}  {total:>12}  {least}; {counts}")
    return "\n".join([*lines, *differences_text(found)]) + "\n"
