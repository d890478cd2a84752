"""Defines the derivation document: its frozen dataclasses are the schema of `gradbound.derive/1`.

Their attributes are the keys of the JSON, in this order. Nothing is derived, checked or typeset
here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import ConfigDict, TypeAdapter, ValidationError

from derivations.algebra.notation import Reading
from derivations.errors import InputError

SCHEMA: Literal["gradbound.derive/1"] = "gradbound.derive/1"
INDEPENDENT_CHECKS = 2
Certainty = Literal["exact", "certified", "probable", "law", "estimate"]


class _Strict:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )


@dataclass(frozen=True)
class FormulaRecord(_Strict):
    """An expression, as plain text and as LaTeX."""

    text: str
    latex: str


@dataclass(frozen=True)
class CheckRecord(_Strict):
    """One independent way in which a step was checked, and whether it passed."""

    method: str
    ok: bool


@dataclass(frozen=True)
class StepRecord(_Strict):
    """One line of a derivation: the rule that gave it, and the condition under which it holds."""

    rule: str
    text: str
    latex: str
    condition: str
    checks: tuple[CheckRecord, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed, and there were enough of them."""
        # One check alone may share the rule's mistake, and none at all passes vacuously.
        return len(self.checks) >= INDEPENDENT_CHECKS and all(check.ok for check in self.checks)


@dataclass(frozen=True)
class BoundRecord(_Strict):
    """A bound on ‖∂L/∂x‖ relative to the norm that `where` states first.

    `limit` is its value as the branch vanishes. `certainty` is that of the formula in its
    quantities. `extremal` is a world in which the bound is attained, found by search ("" where none
    was); `holds_for` says for which backward signals it holds at once.
    """

    id: str
    side: Literal["lower", "upper"]
    certainty: Certainty
    latex: str
    conditions: tuple[str, ...]
    limit: str
    where: tuple[str, ...]
    source: str
    extremal: str
    holds_for: str


@dataclass(frozen=True)
class OrderRecord(_Strict):
    """A bound that is at least as tight as another wherever both apply.

    Its proof is among the block's steps.
    """

    tighter: str
    looser: str


@dataclass(frozen=True)
class BlockRecord(_Strict):
    """One block in one reading (scalar: every block is a number; operator: Jacobians are matrices).

    `remains` is the pullback where the Jacobians of the branch are 0; `where` says what the symbols
    of the steps stand for.
    """

    block: str
    title: str
    kind: str
    reading: Reading
    definition_latex: str
    pullback: FormulaRecord
    remains: FormulaRecord
    steps: tuple[StepRecord, ...]
    where: tuple[str, ...]
    bounds: tuple[BoundRecord, ...]
    order: tuple[OrderRecord, ...]


@dataclass(frozen=True)
class ClaimRecord(_Strict):
    """A statement of the paper and whether it holds in the equation's reading."""

    statement: str
    latex: str
    holds: bool


@dataclass(frozen=True)
class EquationRecord(_Strict):
    """An equation of the paper about a block, as transcribed and as derived.

    `ok`: its derivation passed every check.
    """

    id: str
    block: str
    reading: Reading
    transcribed_latex: str
    derived_latex: str
    ok: bool
    claims: tuple[ClaimRecord, ...]
    steps: tuple[StepRecord, ...]
    where: tuple[str, ...]

    @property
    def number(self) -> str:
        """Its number in the paper."""
        return self.id.removeprefix("eq")


@dataclass(frozen=True)
class TheoremRecord(_Strict):
    """A result that is about no single block: a stack, an architecture, a law.

    `latex` states it, `setting` where it is exact; `bounds` are those that its steps prove.
    """

    id: str
    title: str
    statement: str
    reading: Reading
    latex: str
    conditions: tuple[str, ...]
    certainty: Certainty
    setting: str
    source: str
    ok: bool
    steps: tuple[StepRecord, ...]
    where: tuple[str, ...]
    bounds: tuple[BoundRecord, ...] = ()

    @property
    def order(self) -> tuple[OrderRecord, ...]:
        """Which of its bounds is never looser than which: of one theorem, none."""
        return ()


@dataclass(frozen=True)
class AxiomRecord(_Strict):
    """A fact that is cited rather than proved."""

    name: str
    statement: str
    source: str


@dataclass(frozen=True)
class Document(_Strict):
    """Everything that `derive` says. `ok`: every step of every derivation passed every check."""

    schema: Literal["gradbound.derive/1"]
    ok: bool
    blocks: tuple[BlockRecord, ...]
    equations: tuple[EquationRecord, ...]
    theorems: tuple[TheoremRecord, ...]
    axioms: tuple[AxiomRecord, ...]

    @classmethod
    def of(cls, text: str | bytes) -> Self:
        """The document in this JSON; raises InputError that names the first thing wrong."""
        try:
            return TypeAdapter(cls).validate_json(text, strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "top"
            raise InputError(
                f"not a {SCHEMA} document ({place}: {first['msg']}): make one with `gradbound "
                "derive --format json`"
            ) from error

    def json(self, indent: int | None = None) -> str:
        """The document as JSON, which `of` reads."""
        return TypeAdapter(type(self)).dump_json(self, indent=indent).decode()

    @property
    def steps(self) -> list[StepRecord]:
        """The steps of every derivation, in the order of the document."""
        return [step for _, steps in self._derivations() for step in steps]

    def failures(self) -> list[str]:
        """One line per step that did not pass."""
        return [
            f"{where}, step {number} ({step.rule}): {step.text} fails "
            + ", ".join(check.method for check in step.checks if not check.ok)
            for where, steps in self._derivations()
            for number, step in enumerate(steps, 1)
            if not step.passed
        ]

    def _derivations(self) -> Iterator[tuple[str, tuple[StepRecord, ...]]]:
        """Every derivation, by the name of what it derives."""
        yield from ((f"{each.block} ({each.reading})", each.steps) for each in self.blocks)
        yield from ((f"{each.id} ({each.reading})", each.steps) for each in self.equations)
        yield from ((each.id, each.steps) for each in self.theorems)

    def _repr_latex_(self) -> str:
        rows = [
            rf"\text{{{b.block.replace('_', ' ')}, {b.reading}:}}\quad & {b.pullback.latex} \\"
            for b in self.blocks
        ]
        return "\n".join([r"$\displaystyle\begin{aligned}", *rows, r"\end{aligned}$"])
