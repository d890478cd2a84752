"""Defines what a watch leaves behind: its frozen dataclasses are the schema `gradbound.watch/1`.

Their attributes are the keys of the JSON, in this order. No number is computed here, and no NaN
stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median_low
from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter

from derivations.algebra.showing import Showing, Shown
from validate.records.codec import document_of

SCHEMA: Literal["gradbound.watch/1"] = "gradbound.watch/1"

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(ge=0)]


class _Strict:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )


@dataclass(frozen=True)
class BlockRow(_Strict):
    """A block in one backward pass through the forward pass `step`.

    `gain` is ‖∂L/∂h_{k−1}‖₂ / ‖∂L/∂h_k‖₂ of the whole batch; None where the signal behind the block
    is exactly zero or not finite, or no gradient is asked for in front of it. `signal` is
    ‖∂L/∂h_k‖₂ of the loss that backward() was called on, a GradScaler's factor included. `dead` is
    the largest share of units, among its ReLUs, whose signal is exactly zero in the whole batch,
    `gate` the mean of its most closed gate; None where there is none, or it was not looked at.
    """

    step: Count
    block: str
    kind: str
    gain: Positive | None
    signal: Positive | None
    dead: float | None
    gate: float | None


@dataclass(frozen=True)
class ParameterRow(_Strict):
    """A parameter after one backward pass: ‖∂L/∂W‖₂ as it stands in `.grad`, with what was added up
    before, unclipped, and with a GradScaler's factor; `relative` is that / ‖W‖₂, None for W = 0.
    """

    step: Count
    name: str
    gradient: Positive
    relative: Positive | None


@dataclass(frozen=True)
class AlertRow(_Strict):
    """An alert; `number` is null where it is not finite."""

    step: Count
    block: str
    what: str
    number: float | None
    cause: str


class WatchRows(Shown, list[BlockRow]):
    """Rows that print themselves, a line for each block."""

    def showing(self) -> Showing:
        return gains_shown("Gains of the whole batch", self)


def gains_shown(title: str, rows: Iterable[BlockRow], notes: tuple[str, ...] = ()) -> Showing:
    """The last gain of every block, and the least, median and greatest of all its rows."""
    by_block: dict[str, list[BlockRow]] = {}
    for row in rows:
        by_block.setdefault(row.block, []).append(row)
    lines = []
    for block, found in by_block.items():
        known = sorted(row.gain for row in found if row.gain is not None)
        ends = (known[0], median_low(known), known[-1]) if known else (None, None, None)
        shown = (_written(each) for each in (found[-1].gain, *ends))
        lines.append((block, found[0].kind, str(len(found)), *shown))
    head = ("block", "kind", "rows", "last gain", "least", "median", "greatest")
    return Showing(title, head, tuple(lines), notes)


def _written(gain: float | None) -> str:
    return "–" if gain is None else f"{gain:.4g}"


@dataclass(frozen=True, repr=False)
class WatchDocument(_Strict, Shown):
    """What one model showed while it was trained, of every `every`-th forward pass. `target` is the
    class of the model; `remarks` say what the rows do not show.
    """

    schema: Literal["gradbound.watch/1"]
    target: str
    every: Annotated[int, Field(ge=1)]
    blocks: tuple[BlockRow, ...]
    parameters: tuple[ParameterRow, ...]
    alerts: tuple[AlertRow, ...]
    remarks: tuple[str, ...]

    def showing(self) -> Showing:
        alerts = (
            f"step {each.step}: {each.block}: {each.what}: {each.cause}" for each in self.alerts
        )
        title = f"Gains of {self.target} while it was trained"
        return gains_shown(title, self.blocks, (*alerts, *self.remarks))

    def json(self) -> str:
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def of(cls, text: str | bytes) -> Self:
        """The document of its JSON. Raises InputError for anything else."""
        return document_of(cls, text, SCHEMA)


_ADAPTER = TypeAdapter(WatchDocument)
