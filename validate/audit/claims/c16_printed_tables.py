"""Judges C16–C18: what the paper says of its Tables 1 and 2, from the numbers they print.

Decimal arithmetic.
"""

from dataclasses import dataclass
from decimal import Decimal

from validate.audit.evidence import Claim, Counterexample, Finding, Sources
from validate.audit.paper import GatedRow, PlainRow
from validate.audit.verdicts import Case, all_of


@dataclass(frozen=True)
class Table1:
    """Table 1, the gain that the text states, and the parameters of plain-34 and ResNet-34
    (shortcuts without parameters).
    """

    rows: tuple[PlainRow, ...]
    stated_gain: Decimal
    plain_parameters: int
    resnet_parameters: int


@dataclass(frozen=True)
class Table2:
    """Table 2, and the gain that the text states."""

    rows: tuple[GatedRow, ...]
    stated_gain: Decimal


def table1(sources: Sources) -> Table1:
    """He et al. 2016 trained the ResNet-34 of this table with option A: shortcuts without
    parameters (their Table 2).
    """
    plain, resnet = (
        sources.counts.parameters(name, **settings)
        for name, settings in (("plain34", {}), ("resnet34", {"projections": 0}))
    )
    return Table1(sources.paper.table1, sources.paper.gain1, plain.learned, resnet.learned)


def judge_table1(evidence: Table1) -> Finding:
    first, last = evidence.rows[0], evidence.rows[-1]
    gain = last.plain - last.resnet
    stated = evidence.stated_gain
    holds = _rounded(gain, stated) == stated
    cases = (
        Case("the gain is as stated", holds),
        Case("as many parameters", evidence.plain_parameters == evidence.resnet_parameters),
        Case("the plain network loses with depth", last.plain > first.plain),
        Case("the ResNet gains with depth", last.resnet < first.resnet),
    )
    relative = 100 * gain / last.plain
    summary = (
        f"{last.plain} − {last.resnet} = {gain} percentage points ({relative:.1f} % of the error); "
        f"{evidence.plain_parameters:,} and {evidence.resnet_parameters:,} parameters; from "
        f"{first.layers} to {last.layers} layers "
        f"{first.plain} → {last.plain} % (plain) and {first.resnet} → {last.resnet} % (ResNet)"
    )
    given = {"plain": f"{last.plain} %", "ResNet": f"{last.resnet} %"}
    wrong = None
    if not holds:
        wrong = Counterexample("the 34-layer gain", given, f"{stated} points", f"{gain} points")
    elif failed := next((case.name for case in cases if not case.holds), None):
        wrong = Counterexample("Table 1", given, failed, summary)
    return Finding(
        "percentage points of top-1 error, as printed; whether chance explains a difference is "
        "judged in C23 and C24",
        all_of(*cases),
        summary,
        wrong,
    )


def table2(sources: Sources) -> Table2:
    return Table2(sources.paper.table2, sources.paper.gain2)


def judge_order(evidence: Table2) -> Finding:
    """SE-ResNet below ResNet at every depth, top-1 and top-5."""
    pairs = {
        f"{row.layers} layers, {name}": (error, gated)
        for row in evidence.rows
        for name, error, gated in (
            ("top-1", row.top1, row.se_top1),
            ("top-5", row.top5, row.se_top5),
        )
    }
    wrong = next((_higher(name, *pair) for name, pair in pairs.items() if pair[1] >= pair[0]), None)
    gains = "; ".join(f"{name} {error - gated}" for name, (error, gated) in pairs.items())
    return Finding(
        "the printed numbers; not judged: that SE-ResNet errs less because its gradients vanish "
        "less",
        all_of(*(Case(name, pair[1] < pair[0]) for name, pair in pairs.items())),
        f"lower by so many percentage points: {gains}",
        wrong,
    )


def _higher(name: str, error: Decimal, gated: Decimal) -> Counterexample:
    return Counterexample(
        "SE-ResNet has the lower error",
        {name: f"ResNet {error} %"},
        f"below {error} %",
        f"SE-ResNet {gated} %",
    )


def judge_gain(evidence: Table2) -> Finding:
    first, stated = evidence.rows[0], evidence.stated_gain
    gain = first.top1 - first.se_top1
    holds = _rounded(gain, stated) == stated
    given = {"ResNet": f"{first.top1} %", "SE-ResNet": f"{first.se_top1} %"}
    wrong = (
        None
        if holds
        else Counterexample(
            "the top-1 gain at 50 layers", given, f"{stated} points", f"{gain} points"
        )
    )
    summary = f"{first.top1} − {first.se_top1} = {gain} percentage points"
    return Finding(
        "percentage points", all_of(Case("the gain is as stated", holds)), summary, wrong
    )


def _rounded(number: Decimal, like: Decimal) -> Decimal:
    return number.quantize(like)


CLAIMS = (
    Claim(
        "C16",
        "Table 1, section 5",
        "ResNet-34 has a top-1 error 3.5 % lower than the plain network with as many layers and "
        "parameters; from 18 to 34 layers plain networks lose and ResNets gain",
        table1,
        judge_table1,
    ),
    Claim(
        "C17",
        "Table 2, section 4",
        "SE-ResNet has lower top-1 and top-5 errors than ResNet at every depth",
        table2,
        judge_order,
    ),
    Claim(
        "C18",
        "section 5",
        "SE-ResNet-50 reduces the top-1 error by 1.51 % compared to ResNet-50",
        table2,
        judge_gain,
    ),
)
