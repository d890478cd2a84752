"""`doctor` prints its findings in two forms, and ends with 3 where something is amiss."""

import json
from dataclasses import replace

import pytest

from gradbound.cli import main
from gradbound.doctor import examine


@pytest.mark.parametrize("asked", [["--format", "json"], ["--json"]])
def test_json_is_asked_for_as_of_every_verb(
    capsys: pytest.CaptureFixture[str], asked: list[str]
) -> None:
    assert main(["doctor", *asked]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "gradbound.doctor/1"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_problem_ends_with_3_behind_the_findings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    amiss = replace(examine(), problems=("torch is not installed: install it",))
    monkeypatch.setattr("gradbound.doctor.examine", lambda _: amiss)
    assert main(["doctor", "--format", form]) == 3
    out, err = capsys.readouterr()
    assert "python" in out
    assert err == "gradbound: torch is not installed: install it\n"
