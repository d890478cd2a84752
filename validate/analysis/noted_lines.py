"""Says what is worth a word of blocks that lose nothing, what is usual of many in one line."""

from dataclasses import dataclass

from validate.analysis.analysis_document import ZERO_BRANCH, Analysis


@dataclass(frozen=True)
class Line:
    """What is said of one block, or of several of the same kind; advice is "" where none is."""

    who: str
    kind: str
    words: str
    advice: str = ""


def noted_lines(found: Analysis) -> list[Line]:
    """The lines of blocks with a cause and no loss, then of those that take averages."""
    zero = [each for each in found.noted if (each.lost_by or "").startswith(ZERO_BRANCH)]
    lines = [
        Line(each.name, each.kind, each.lost_by or "", each.advice or "")
        for each in found.noted
        if each not in zero
    ]
    if zero:
        more = f" and {len(zero) - 3} more" if len(zero) > 3 else ""
        who = ", ".join(each.name for each in zero[:3]) + more
        weight = (zero[0].lost_by or "").removeprefix(ZERO_BRANCH).removesuffix(" is 0")
        what = f"the weight of {weight}" if len(zero) == 1 else f"a weight (as that of {weight})"
        lines.append(
            Line(
                who,
                " and ".join(dict.fromkeys(each.kind for each in zero)),
                f"the branch passes nothing, for {what} is 0: a usual initialization of the last "
                "layer of a branch, and no fault before training",
            )
        )
    lines += [
        Line(each.name, each.kind, f"{each.by_construction}, no loss") for each in found.averaging
    ]
    return lines
