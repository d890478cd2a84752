"""The command that carries on is the one given, as a shell and the command line read it."""

import shlex
import sys

import pytest

from gradbound import carry_on as module
from gradbound.carry_on import after_interrupt, carry_on
from gradbound.cli import cli

GIVEN = [
    ("validate",),
    ("validate", "--out", "my results", "--preset", "cpu", "--data-dir", "it's", "--budget", "60"),
    (
        "validate",
        "--out=$HOME",
        "--seeds",
        "2",
        "--device",
        "cpu",
        "--dataset",
        "digits",
        "--quiet",
    ),
    ("validate", "--resume", "--out", "x"),
    ("validate", "--out", "x", "--"),
    ("validate", "--preset", "study"),
    ("validate", "--out", "x", "--dry-run"),
    ("reproduce", "--out", "a;b"),
    ("figures", "--only", "a", "--only", "b"),
    ("derive", "plain", "--format", "json"),
]


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: name)
    monkeypatch.delenv(module.STARTED_BY, raising=False)


@pytest.mark.parametrize("given", GIVEN, ids=" ".join)
def test_its_options_are_those_given_and_resume(given: tuple[str, ...]) -> None:
    program, *words = shlex.split(carry_on(given))
    assert program == "gradbound"
    verb, *options = words
    assert verb == given[0]
    asked = cli.commands[verb].make_context(verb, list(given[1:])).params
    if verb == "validate" and not asked["dry"]:
        asked |= {"resume": True}
    assert cli.commands[verb].make_context(verb, options).params == asked
    assert words.count("--resume") == asked.get("resume", 0)


def test_only_what_carries_on_is_said_to() -> None:
    assert after_interrupt(["validate"]) == "to carry on, run `gradbound validate --resume`"
    assert after_interrupt(["reproduce"]) == "to carry on, run `gradbound reproduce`"
    assert after_interrupt(["derive"]) == "to begin anew, run `gradbound derive`"
    dry = "to begin anew, run `gradbound validate --dry-run`"
    assert after_interrupt(["validate", "--dry-run"]) == dry


def test_it_is_started_as_this_one_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["/my env/bin/gradbound"])
    assert carry_on(["derive"]) == "'/my env/bin/gradbound' derive"
    monkeypatch.setattr(sys, "argv", ["/src/gradbound/__main__.py"])
    assert carry_on(["derive"]) == f"{shlex.quote(sys.executable)} -m gradbound derive"
    monkeypatch.setenv(module.STARTED_BY, "python3.12 gpu_start.py")
    assert carry_on(["validate"]) == "python3.12 gpu_start.py"
