"""Runs the audit: gathers the evidence of every claim and has it judged.

That a claim of the paper is refuted is a finding, not a failure; bad records raise InputError.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from derivations.time_limit import advance
from validate.audit.audit_document import SCHEMA, Audit, ClaimRecord, document
from validate.audit.claims import (
    c01_equations,
    c02_vanishing_branches,
    c05_lost_gradients,
    c08_gate_term,
    c09_gated_against_residual,
    c10_dense_features,
    c11_dense_jacobian,
    c12_dense_gradients,
    c13_dense_bound,
    c15_dense_against_residual,
    c16_printed_tables,
    c19_printed_counts,
    c21_dense_costs,
    c23_significance,
    c24_training,
)
from validate.audit.evidence import Claim, Sources
from validate.records.read import read_results
from validate.study.recorded_study import RECORDED_STUDY
from validate.study.study_folder import is_study, read_study

_MODULES = (
    c01_equations,
    c02_vanishing_branches,
    c05_lost_gradients,
    c08_gate_term,
    c09_gated_against_residual,
    c10_dense_features,
    c11_dense_jacobian,
    c12_dense_gradients,
    c13_dense_bound,
    c15_dense_against_residual,
    c16_printed_tables,
    c19_printed_counts,
    c21_dense_costs,
    c23_significance,
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


def audit(given: Sources) -> Audit:
    """Every claim, judged by what the sources give."""
    records = []
    for claim in CLAIMS.values():
        records.append(adjudicate(claim, claim.gather(given)))
        advance(claim.id)
    return Audit(SCHEMA, tuple(records))


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
    """`audit` with the records in a folder, as JSON-able data.

    It may hold those of a preset or a study; the study that comes with the package takes the place
    of one that is not there. Raises InputError for records that are missing or altered.
    """
    return document(audit(sources(None if results is None else Path(results))))


def sources(folder: Path | None = None) -> Sources:
    """What the claims are judged by, given the folder of a preset or of a study, or none."""
    if folder is not None and is_study(folder):
        return Sources(study=read_study(folder))
    return Sources(
        results=None if folder is None else read_results(folder),
        study=read_study(RECORDED_STUDY) if is_study(RECORDED_STUDY) else None,
    )


def as_json(value: object) -> JsonValue:
    """Dataclasses, mappings and sequences as objects and arrays.

    Exact numbers as text or as floats of as many digits; ∞ as null.
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
    raise TypeError(f"no JSON for {type(value).__name__}: teach validate/audit/adjudicate.py")
