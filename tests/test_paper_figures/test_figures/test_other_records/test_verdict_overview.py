"""The overview shows the verdict of every claim, as the audit has it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from test_paper_figures.artists import by_gid, texts

from derivations.errors import InputError
from paper_figures.figures.other_records.verdict_overview import (
    RECORDED_AUDIT,
    SHORT,
    figure,
    recorded_audit,
)
from validate.audit.adjudicate import CLAIMS, audit, sources


def test_every_claim_has_its_mark_in_the_column_of_its_verdict() -> None:
    found = recorded_audit()
    axes = figure(found).axes[0]
    rows = {claim.id: row for row, claim in enumerate(found.claims)}
    for verdict, count in found.tally.items():
        marks = by_gid(axes, verdict)
        assert sorted(marks.get_ydata()) == [
            rows[claim.id] for claim in found.claims if claim.verdict == verdict
        ]
        assert len(marks.get_ydata()) == count
    words = [text.get_text() for text in texts(axes.figure)]
    assert set(CLAIMS) | set(SHORT.values()) <= set(words)


def test_another_verdict_is_drawn_in_another_column() -> None:
    found = recorded_audit()
    first = replace(found.claims[0], verdict="untestable")
    changed = replace(found, claims=(first, *found.claims[1:]))
    assert list(by_gid(figure(changed).axes[0], "untestable").get_ydata()) == [0]
    assert list(by_gid(figure(found).axes[0], "untestable").get_ydata()) == []


def test_every_claim_is_put_in_few_words() -> None:
    assert list(SHORT) == list(CLAIMS)


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json"):
        recorded_audit(tmp_path / "none.json")


@pytest.mark.slow
def test_the_recorded_audit_is_what_the_audit_finds_today() -> None:
    now = {claim.id: claim.verdict for claim in audit(sources()).claims}
    then = {
        claim["id"]: claim["verdict"] for claim in json.loads(RECORDED_AUDIT.read_text())["claims"]
    }
    assert now == then
