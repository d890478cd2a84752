"""Defines the document of an audit, and typesets it as text, Markdown, LaTeX, JSON or HTML.

The frozen dataclasses are the schema of `gradbound.audit/2`: their attributes are its keys.
Evidence and counterexample are JSON objects, each claim's own: the fields of the dataclass that the
claim was judged by. The LaTeX compiles with plain pdflatex: no character outside ASCII is left in
it.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from textwrap import wrap
from typing import ClassVar, Literal, get_args

from pydantic import ConfigDict, JsonValue, TypeAdapter

from derivations.algebra.showing import Showing, shown_text
from derivations.book.prose import prose
from derivations.errors import InputError, way_out
from validate.audit.how_to_read import GUIDE
from validate.audit.verdicts import MARKS, Verdict

SCHEMA: Literal["gradbound.audit/2"] = "gradbound.audit/2"
WIDTH = 120
LABEL = 16
TITLE = "The claims of Noh 2021 (Informatics 8(3):53), judged"
HOW_TO_READ = "How to read this"


class _Strict:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )


@dataclass(frozen=True)
class ClaimRecord(_Strict):
    """One claim of the paper. `condition` says when a conditional claim holds, and what an
    undecided or an untestable one lacks; else it is empty.

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


@dataclass(frozen=True, repr=False)
class Audit(_Strict):
    """The claims, in the order of the paper, and what a reader must know beforehand, by heading.

    A document without `guide` is one that was written before there was a guide.
    """

    schema: Literal["gradbound.audit/2"]
    claims: tuple[ClaimRecord, ...]
    guide: dict[str, str] = field(default_factory=lambda: dict(GUIDE))

    @classmethod
    def of(cls, data: object) -> "Audit":
        """From a JSON-decoded document.

        Raises pydantic.ValidationError for one that breaks the schema.
        """
        return TypeAdapter(cls).validate_json(json.dumps(data, allow_nan=False), strict=True)

    def __getitem__(self, claim: str) -> ClaimRecord:
        """The claim of this id; raises KeyError."""
        return {each.id: each for each in self.claims}[claim]

    def __str__(self) -> str:
        return render(self, "text")

    def __repr__(self) -> str:
        rows = ((c.id, c.verdict, c.claim) for c in self.claims)
        notes = (", ".join(f"{count} {verdict}" for verdict, count in self.tally.items()),)
        head = ("", "verdict", "claim")
        return shown_text(Showing(TITLE, head, tuple(rows), (*notes, "print() shows why.")))

    def _repr_html_(self) -> str:
        return html(self)

    @property
    def tally(self) -> dict[Verdict, int]:
        """How many claims have each verdict."""
        counts = Counter(each.verdict for each in self.claims)
        return {verdict: counts[verdict] for verdict in get_args(Verdict)}


def document(audit: Audit) -> dict[str, object]:
    """The audit, as JSON-able data."""
    return asdict(audit)


def render(audit: Audit, form: str) -> str:
    """The audit in one of FORMATS; raises InputError for another."""
    if form not in FORMATS:
        raise InputError(f"unknown format {form!r}: {way_out(form, FORMATS)}")
    return FORMATS[form](audit)


def _rows(claim: ClaimRecord) -> Iterator[tuple[str, str]]:
    """What is said of a claim, line by line: (label, text)."""
    yield "claim", f"{claim.claim} ({claim.source})"
    yield "reading", claim.reading
    if claim.condition:
        yield "condition", claim.condition
    yield "evidence", claim.summary
    if claim.counterexample:
        yield "counterexample", _counterexample(claim.counterexample)
        if seen := claim.counterexample["autograd"]:
            assert isinstance(seen, dict)
            yield "autograd", "; ".join(f"{name}: {_number(value)}" for name, value in seen.items())


def _counterexample(found: Mapping[str, JsonValue]) -> str:
    given = found["given"]
    assert isinstance(given, dict)
    return (
        f"{', '.join(f'{name} = {value}' for name, value in given.items())}: {found['found']} "
        f"(claimed: {found['claims']})"
    )


def _number(value: JsonValue) -> str:
    return f"{value:.12g}".replace("-", "−") if isinstance(value, float) else str(value)


def _tally(audit: Audit) -> Iterator[tuple[str, str]]:
    for verdict, count in audit.tally.items():
        yield (
            f"{count} {verdict}",
            " ".join(claim.id for claim in audit.claims if claim.verdict == verdict) or "–",
        )


def _text(audit: Audit) -> str:
    lines = [TITLE, "", HOW_TO_READ]
    lines += [line for row in audit.guide.items() for line in _wrapped(*row)]
    lines += ["", *(f"  {label:<{LABEL}}{ids}" for label, ids in _tally(audit))]
    for claim in audit.claims:
        lines += ["", f"{claim.id} {MARKS[claim.verdict]} {claim.verdict}"]
        lines += [line for row in _rows(claim) for line in _wrapped(*row)]
    return "\n".join(lines) + "\n"


def _wrapped(label: str, text: str) -> list[str]:
    """A labelled text of several lines, as wide as the screen."""
    first, *rest = wrap(text, WIDTH - LABEL - 2, break_long_words=False, break_on_hyphens=False)
    return [f"  {label:<{LABEL}}{first}", *(f"  {'':<{LABEL}}{line}" for line in rest)]


_MARKDOWN = str.maketrans(
    {character: f"\\{character}" for character in "\\|*_<>[]`~#"} | {"\n": " "}
)


def _markdown(audit: Audit) -> str:
    lines = [f"# {TITLE}", "", f"## {HOW_TO_READ}", ""]
    lines += [f"- {label}: {text.translate(_MARKDOWN)}" for label, text in audit.guide.items()]
    lines += ["", "## Verdicts", ""]
    lines += [f"- {label}: {ids}" for label, ids in _tally(audit)]
    lines += ["", "| | verdict | claim | condition |", "|---|---|---|---|"]
    for claim in audit.claims:
        condition = claim.condition.translate(_MARKDOWN)
        lines.append(
            f"| [{claim.id}](#{claim.id.lower()}) | {claim.verdict} | "
            f"{claim.claim.translate(_MARKDOWN)} | {condition} |"
        )
    for claim in audit.claims:
        lines += ["", f"## {claim.id}", "", f"**{claim.verdict}**", ""]
        lines += [f"- {label}: {text.translate(_MARKDOWN)}" for label, text in _rows(claim)]
    return "\n".join(lines) + "\n"


_HEAD = r"""\documentclass{article}
\usepackage[margin=2.2cm]{geometry}
\usepackage{amsmath,amssymb}
\setlength{\parindent}{0pt}
\begin{document}
"""


def _latex(audit: Audit) -> str:
    lines = [_HEAD + rf"\section*{{{prose(TITLE)}}}", rf"\subsection*{{{prose(HOW_TO_READ)}}}"]
    if audit.guide:
        lines += [r"\begin{description}"]
        lines += [rf"\item[{prose(label)}] {prose(text)}" for label, text in audit.guide.items()]
        lines += [r"\end{description}"]
    lines += [r"\begin{tabular}{ll}"]
    lines += [rf"{prose(label)} & {prose(ids)} \\" for label, ids in _tally(audit)] + [
        r"\end{tabular}"
    ]
    for claim in audit.claims:
        lines += ["", rf"\subsection*{{{claim.id}: {claim.verdict}}}", r"\begin{description}"]
        lines += [rf"\item[{label}] {prose(text)}" for label, text in _rows(claim)] + [
            r"\end{description}"
        ]
    return "\n".join([*lines, r"\end{document}", ""])


def _json(audit: Audit) -> str:
    return json.dumps(document(audit), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def html(audit: Audit) -> str:
    """The audit as one table, for notebooks."""
    rows = "".join(
        f"<tr><td>{claim.id}</td><td>{claim.verdict}</td><td>{escape(claim.claim)}</td><td>{escape(claim.condition)}</td></tr>"
        for claim in audit.claims
    )
    head = "<tr><th></th><th>verdict</th><th>claim</th><th>condition</th></tr>"
    return f"<table><caption>{escape(TITLE)}</caption>{head}{rows}</table>"


FORMATS: dict[str, Callable[[Audit], str]] = {
    "text": _text,
    "latex": _latex,
    "markdown": _markdown,
    "json": _json,
}
