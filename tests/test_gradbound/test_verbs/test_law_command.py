"""`check-laws` prints one table, asks for what was named, and ends with 4 where a law is missed."""

import json
from dataclasses import replace

import pytest
from test_validate.test_comparison.test_law_checks import GOOD, STATEMENT

from gradbound.cli import main
from validate.comparison.law_checks import LawTables


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What was asked for, while both families are simulated at once."""
    heard: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        "validate.comparison.law_checks.check_laws",
        lambda families, progress: heard.append(tuple(families)) or GOOD,
    )
    return heard


@pytest.mark.parametrize(
    ("named", "simulated"), [([], ("published", "depth")), (["depth"], ("depth",))]
)
def test_both_families_unless_one_is_named(
    asked: list[tuple[str, ...]], named: list[str], simulated: tuple[str, ...]
) -> None:
    assert main(["check-laws", *named, "--quiet"]) == 0
    assert asked == [simulated]


@pytest.mark.parametrize(
    ("form", "begin"), [("text", "Laws against"), ("markdown", "| what |"), ("json", "{")]
)
def test_it_prints_in_three_forms(
    capsys: pytest.CaptureFixture[str], asked: list[tuple[str, ...]], form: str, begin: str
) -> None:
    assert main(["check-laws", "--format", form]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(begin)
    assert err == ""
    if form == "json":
        found = json.loads(out)
        assert (found["schema"], found["ok"], len(found["checks"])) == (
            "gradbound.check-laws/1",
            True,
            3,
        )


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_law_that_is_missed_ends_with_4_and_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    missed = LawTables((replace(STATEMENT, reproduced=0.5),))
    monkeypatch.setattr("validate.comparison.law_checks.check_laws", lambda *_: missed)
    assert main(["check-laws", "published", "--format", form]) == 4
    out, err = capsys.readouterr()
    assert err == "gradbound: a norm, n = 8: measured 0.5 ± 0.001, expected 0.25\n"
    assert "0.5" in out
