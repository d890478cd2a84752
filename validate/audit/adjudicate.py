"""Runs the audit: gathers the evidence of every claim and has it judged.

That a claim of the paper is refuted is a finding, not a failure; bad records raise InputError.
"""

from pathlib import Path
from typing import Any

from validate.audit.claims import (
    c01_equations,
    c08_gated_blocks,
    c10_dense_blocks,
    c15_dense_against_residual,
    c16_printed_tables,
    c19_costs,
    c24_training,
)
from validate.audit.document import SCHEMA, Audit, ClaimRecord, as_json, document
from validate.audit.evidence import Claim, Sources
from validate.records.read import read_results

_MODULES = (
    c01_equations,
    c08_gated_blocks,
    c10_dense_blocks,
    c15_dense_against_residual,
    c16_printed_tables,
    c19_costs,
    c24_training,
)

CLAIMS: dict[str, Claim[Any]] = {
    claim.id: claim
    for claim in sorted(
        (claim for module in _MODULES for claim in module.CLAIMS),
        key=lambda claim: int(claim.id[1:]),
    )
}
"""All claims by id, C1 … C25."""


def audit(sources: Sources) -> Audit:
    """Every claim, judged by what the sources give."""
    return Audit(
        SCHEMA, tuple(adjudicate(claim, claim.gather(sources)) for claim in CLAIMS.values())
    )


def adjudicate(claim: Claim[Any], evidence: object) -> ClaimRecord:
    """The record of one claim, judged by this evidence."""
    finding = claim.judge(evidence)
    facts = as_json(evidence)
    assert isinstance(facts, dict)
    found = as_json(finding.counterexample)
    assert found is None or isinstance(found, dict)
    return ClaimRecord(
        claim.id,
        claim.source,
        claim.claim,
        finding.reading,
        finding.judgement.verdict,
        finding.judgement.condition,
        {"summary": finding.summary, **facts},
        found,
    )


def audit_document(results: str | None = None) -> dict[str, object]:
    """`audit` with the records in a folder, as JSON-able data; raises InputError for records that
    are missing or altered.
    """
    return document(
        audit(Sources(results=None if results is None else read_results(Path(results))))
    )
