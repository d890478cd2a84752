"""The document of an audit: its schema, and how it is rendered."""

import json
import math
import re
import shutil
import subprocess
from dataclasses import asdict, replace
from typing import get_args

import pytest
from pydantic import ValidationError
from test_validate.audited import judged

from derivations.errors import InputError
from validate.audit.adjudicate import CLAIMS
from validate.audit.audit_document import FORMATS, SCHEMA, Audit, document, render
from validate.audit.how_to_read import GUIDE
from validate.audit.verdicts import Verdict

CHEAP = ("C5", "C8", "C10", "C12", "C14", "C16", "C20", "C23", "C24")


@pytest.fixture(scope="module")
def audit() -> Audit:
    """Claims of every verdict."""
    return Audit(SCHEMA, tuple(judged(claim) for claim in CHEAP))


def test_it_begins_with_how_to_read_it(audit):
    heads = {"text": "How to read", "markdown": "## How to read", "latex": "How to read"}
    for form, head in heads.items():
        text = render(audit, form)
        start, first = text.index(head), text.index("C5")
        assert start < text.index("operator") < first
        assert start < text.index("conditional") < first


def test_a_document_from_before_there_was_a_guide_is_read(audit):
    data = json.loads(render(audit, "json"))
    assert data["guide"] == dict(GUIDE)
    del data["guide"]
    assert Audit.of(data) == audit


def test_a_document_shows_its_own_guide(audit):
    other = replace(audit, guide={"a word": "what it means here"})
    for form in ("text", "markdown", "latex"):
        assert "what it means here" in render(other, form)
        assert "a search finds" not in render(other, form)
    assert r"\begin{description}" not in render(Audit(SCHEMA, (), {}), "latex")


def test_json_is_the_document(audit):
    data = json.loads(render(audit, "json"))
    assert data["schema"] == "gradbound.audit/2"
    assert list(data["claims"][0]) == [
        "id",
        "source",
        "claim",
        "reading",
        "verdict",
        "condition",
        "evidence",
        "counterexample",
    ]
    assert Audit.of(data) == audit
    assert Audit.of(document(audit)) == audit


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "gradbound.audit/1"},
        {"guide": {"a": 1}},
        {"more": 1},
        {"claims": [{}]},
        {"claims": "C1"},
    ],
)
def test_a_document_that_breaks_the_schema_is_refused(audit, change):
    with pytest.raises(ValidationError):
        Audit.of(document(audit) | change)


@pytest.mark.parametrize(
    "change", [{"verdict": "true"}, {"id": 1}, {"evidence": []}, {"condition": None}, {"note": ""}]
)
def test_a_claim_that_breaks_the_schema_is_refused(audit, change):
    data = json.loads(render(audit, "json"))
    data["claims"][0] |= change
    with pytest.raises(ValidationError):
        Audit.of(data)


def test_nan_is_refused(audit):
    data = json.loads(render(audit, "json"))
    data["claims"][0]["evidence"]["x"] = math.nan
    with pytest.raises(ValueError, match="JSON"):
        Audit.of(data)


def test_claims_are_found_by_id_and_counted(audit):
    assert audit["C5"].verdict == "refuted"
    with pytest.raises(KeyError):
        _ = audit["C99"]
    assert sum(audit.tally.values()) == len(CHEAP)
    assert set(audit.tally) == set(get_args(Verdict))


def test_unknown_format(audit):
    with pytest.raises(InputError, match="text, latex, markdown, json"):
        render(audit, "pdf")


def test_text_says_everything_and_fits_the_screen(audit):
    text = str(audit)
    for claim in audit.claims:
        assert f"\n{claim.id} " in text
        assert claim.verdict in text
    flat = " ".join(text.split())
    assert "∂F/∂x = −1, ∂L/∂H = 1: ∂L/∂x = ∂L/∂H · (∂F/∂x + 1) = 0 (claimed: ∂L/∂x ≠ 0)" in flat
    way_out = "run `gradbound validate --preset study --out DIR`"
    assert f"ResNets a lower one: no trials; {way_out}" in flat
    assert max(map(len, text.splitlines())) <= 120


def test_markdown_has_a_whole_table_and_leaves_no_mark_bare(audit):
    text = render(audit, "markdown")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == len(CHEAP) + 1
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows)
    assert f"## {CHEAP[0]}" in text
    body = [line for line in text.splitlines() if line.startswith("- claim")]
    assert len(body) == len(CHEAP)
    assert all(not re.search(r"(?<!\\)[*_]", line) for line in body)


@pytest.mark.parametrize("claim", CLAIMS)
def test_latex_is_ascii_and_knows_every_sign(claim):
    text = render(Audit(SCHEMA, (judged(claim),)), "latex")
    assert text.isascii()
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0


def test_latex_refuses_a_sign_that_it_does_not_know(audit):
    foreign = replace(audit.claims[0], claim="漢")
    with pytest.raises(InputError, match=r"no LaTeX for the character '漢'"):
        render(Audit(SCHEMA, (foreign,)), "latex")


def test_html_is_escaped(audit):
    marked = replace(audit.claims[0], claim="a < b")
    assert "a &lt; b" in Audit(SCHEMA, (marked,))._repr_html_()


def test_the_audit_is_frozen_data(audit):
    assert asdict(audit)["schema"] == SCHEMA
    with pytest.raises(AttributeError):
        audit.schema = "x"


def test_formats_are_those_of_the_command_line():
    from gradbound.choices import FORMATS as offered

    assert tuple(FORMATS) == offered


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="needs pdflatex (Debian: texlive-latex-base)"
)
def test_latex_compiles_without_a_complaint(tmp_path):
    whole = Audit(SCHEMA, tuple(judged(claim) for claim in CLAIMS))
    (tmp_path / "audit.tex").write_text(render(whole, "latex"))
    outcome = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "audit.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout[-2000:]
    assert not re.search(r"Missing character|^!|undefined", outcome.stdout, re.MULTILINE)
    assert (tmp_path / "audit.pdf").stat().st_size > 10_000
