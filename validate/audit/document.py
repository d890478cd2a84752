"""Defines the document of an audit. The frozen dataclasses are the schema of `gradbound.audit/1`:
their attributes are its keys.

Evidence and counterexample are JSON objects, each claim's its own: the fields of the dataclass that
the claim was judged by.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from decimal import Decimal
from typing import ClassVar, Literal, get_args

from pydantic import ConfigDict, JsonValue, TypeAdapter

from validate.audit.verdicts import Verdict

SCHEMA: Literal["gradbound.audit/1"] = "gradbound.audit/1"


class _Strict:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )


@dataclass(frozen=True)
class ClaimRecord(_Strict):
    """One claim of the paper. `condition` says when a conditional claim holds, and what an
    untestable one lacks; else it is empty.

    `evidence["summary"]` says in one line what the verdict rests on.
    """

    id: str
    source: str
    claim: str
    reading: str
    verdict: Verdict
    condition: str
    evidence: dict[str, JsonValue]
    counterexample: dict[str, JsonValue] | None

    @property
    def summary(self) -> str:
        return str(self.evidence["summary"])


@dataclass(frozen=True)
class Audit(_Strict):
    """The claims, in the order of the paper."""

    schema: Literal["gradbound.audit/1"]
    claims: tuple[ClaimRecord, ...]

    @classmethod
    def of(cls, data: object) -> "Audit":
        """From a JSON-decoded document; raises pydantic.ValidationError for one that breaks the
        schema.
        """
        return TypeAdapter(cls).validate_json(json.dumps(data, allow_nan=False), strict=True)

    def __getitem__(self, claim: str) -> ClaimRecord:
        """The claim of this id; raises KeyError."""
        return {each.id: each for each in self.claims}[claim]

    def __str__(self) -> str:
        from validate.audit.typeset import render

        return render(self, "text")

    def _repr_html_(self) -> str:
        from validate.audit.typeset import html

        return html(self)

    @property
    def tally(self) -> dict[Verdict, int]:
        """How many claims have each verdict."""
        counts = Counter(each.verdict for each in self.claims)
        return {verdict: counts[verdict] for verdict in get_args(Verdict)}


def document(audit: Audit) -> dict[str, object]:
    """The audit, as JSON-able data."""
    return asdict(audit)


def as_json(value: object) -> JsonValue:
    """Dataclasses, mappings and sequences as objects and arrays; exact numbers as text or as floats
    of as many digits; ∞ as null.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, str | bool | int | None):
        return value
    if isinstance(value, Decimal | float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Sequence):
        return [as_json(each) for each in value]
    raise TypeError(f"no JSON for {type(value).__name__}: teach validate/audit/document.py")
