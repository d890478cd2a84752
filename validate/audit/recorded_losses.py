"""Says what records guarantee whatever the loss: how much of the gradient arrives everywhere.

Evidence beside a verdict, never part of one: it is of the networks that were recorded.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal

from validate.records.schema import LOSS_CLASSES, BoundRow, Results, Run

WORDS = {
    "shift_invariant": "every shift-invariant loss",
    "labels": "cross-entropy with every hard label",
}


@dataclass(frozen=True)
class Arrives:
    """The least lower bound on γ for a class of losses, over all blocks (ReLUs between them too),
    probe samples and recorded `networks` with bounds, before and after training; `whole`: that from
    end to end, None where no sample has one. Of `checks` samples of blocks, `out` more have none.
    """

    losses: str
    least: float
    whole: float | None
    networks: int
    checks: int
    out: int

    def __str__(self) -> str:
        whole = "" if self.whole is None else f" and {_percent(self.whole)} from end to end"
        return f"for {WORDS[self.losses]} at least {_percent(self.least)} in every block{whole}"


def arrives(results: Results | None, families: Collection[str]) -> tuple[Arrives, ...]:
    """By class of losses, for the networks of these families; empty without such records."""
    runs = [run for run in results.runs if run.config.family in families] if results else []
    return tuple(found for cls in LOSS_CLASSES if (found := _of_class(runs, cls)) is not None)


def _of_class(runs: Iterable[Run], cls: str) -> Arrives | None:
    blocks: list[float] = []
    whole: list[float] = []
    networks = out = 0
    for run in runs:
        before = len(blocks)
        for row in run.blocks:
            out += _gather(row.bounds, cls, blocks)
        for epoch in run.epochs:
            _gather(epoch.bounds, cls, whole)
        networks += len(blocks) > before
    if not blocks:
        return None
    return Arrives(cls, min(blocks), min(whole, default=None), networks, len(blocks), out)


def _gather(bounds: Iterable[BoundRow], cls: str, into: list[float]) -> int:
    """Takes over the lower bounds; how many samples have none."""
    lower = [bound for bound in bounds if (bound.losses, bound.side) == (cls, "lower")]
    values = [value for bound in lower for value in bound.value]
    known = [value for value in values if value is not None]
    into += known
    return len(values) - len(known)


def said(found: Collection[Arrives], networks: str) -> list[str]:
    """The line of evidence, none without records; `networks` is what they are called."""
    if not found:
        return []
    first = next(iter(found))
    out = f"; {first.out} more have no bound, as no signal above rounding" if first.out else ""
    line = (
        f"not judged: of the gradient that enters a block, in {first.networks} recorded {networks} "
        f"before and after training, there arrives {'; '.join(map(str, found))} "
        f"({first.checks:,} lower bounds at probe samples and blocks, ReLUs between them too{out})"
    )
    return [line]


def _percent(share: float) -> str:
    """Rounded down: a guarantee still."""
    down = Context(prec=2, rounding=ROUND_FLOOR).create_decimal(Decimal(share) * 100)
    return f"{float(down):g} %"
