"""`derive` and `audit` show how far they are, and nothing of it is data."""

import json
from collections import Counter
from contextlib import contextmanager

import pytest

from derivations.algebra.blocks import BLOCKS
from gradbound import api
from gradbound.cli import main
from validate.audit.adjudicate import CLAIMS


def test_the_progress_of_a_derivation_is_that_of_its_parts() -> None:
    heard: list[object] = []

    @contextmanager
    def listen(tasks, unit):
        heard.append((dict(tasks), unit))
        yield heard.append

    api.derive("plain", "residual", progress=listen)
    (tasks, unit), *said = heard
    assert unit == "parts"
    assert Counter(said) == tasks == {"plain": 2, "residual": 2}


@pytest.mark.slow
def test_the_progress_of_all_that_is_derived_and_judged_comes_to_its_end() -> None:
    heard: list[str] = []

    @contextmanager
    def listen(tasks, unit):
        yield heard.append
        assert Counter(heard) == tasks
        heard.clear()

    api.derive(progress=listen)
    api.audit(progress=listen)


def test_the_claims_are_those_that_are_judged() -> None:
    assert tuple(CLAIMS) == api.CLAIMS
    assert set(BLOCKS) >= {"plain"}


def test_quiet_is_quiet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("validate.progress.PATIENCE", 0.0)
    assert main(["derive", "plain", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("1 of 1 done: plain")
    assert json.loads(out)["ok"]
    assert main(["derive", "plain", "--format", "json", "--quiet"]) == 0
    assert capsys.readouterr() == (out, "")
