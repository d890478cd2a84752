"""Gathers the evidence of each claim once per process, without records of training."""

from typing import Any

from validate.audit.adjudicate import CLAIMS, adjudicate
from validate.audit.audit_document import ClaimRecord
from validate.audit.evidence import Sources

SOURCES = Sources()
_GATHERED: dict[str, Any] = {}


def gathered(claim: str) -> Any:
    """The evidence of a claim."""
    if claim not in _GATHERED:
        _GATHERED[claim] = CLAIMS[claim].gather(SOURCES)
    return _GATHERED[claim]


def judged(claim: str, evidence: Any = None) -> ClaimRecord:
    """The record of a claim, by this evidence or that gathered."""
    return adjudicate(CLAIMS[claim], gathered(claim) if evidence is None else evidence)


def rejudged(claim: str, sources: Sources) -> ClaimRecord:
    """The record of a claim, by evidence from other sources."""
    return adjudicate(CLAIMS[claim], CLAIMS[claim].gather(sources))
