"""Symbolic work is cut at its limit, leaves no process behind, and its errors keep their names."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from derivations import time_limit
from derivations.errors import InputError, TimeLimitError
from gradbound.exits import guard

FIXTURES = "limit_fixtures:"
MARK = f"TIME_LIMIT_TEST={os.getpid()}"
"""In the environment of every process that is started here, and of no other test run's."""


def children() -> set[int]:
    """Processes of this test run whose command runs a function under a limit."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                environment = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if FIXTURES.encode() in command and b"-m" in command and MARK.encode() in environment:
                found.add(int(entry.name))
    return found


def gone(processes: set[int], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not processes & children():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv(*MARK.split("="))


def test_the_result_comes_back():
    assert time_limit.run("limit_fixtures:double", {"x": [1, "ü"]}, 60) == [1, "ü", 1, "ü"]


def test_work_beyond_the_limit_is_killed():
    with pytest.raises(TimeLimitError, match="within 1 s"):
        time_limit.run(FIXTURES + "sleep", {"seconds": 300}, 1)
    assert not children()


def test_sympy_is_cut_at_its_limit_and_ends_the_command_with_6():
    code = guard(lambda: time_limit.run("limit_fixtures:simplify", {}, 3))
    assert code == TimeLimitError.exit_code == 6
    assert not children()


@pytest.mark.slow
def test_sympy_does_hang_there():
    """The fixture is worth its name: 41 s are not enough for it."""
    with pytest.raises(TimeLimitError, match="within 41 s"):
        time_limit.run("limit_fixtures:simplify", {}, 41)


def test_a_named_error_keeps_its_name_and_message():
    with pytest.raises(InputError, match="no such block"):
        time_limit.run("limit_fixtures:refuse", {}, 60)


def test_any_other_failure_is_reported_as_one():
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        time_limit.run("limit_fixtures:fail", {}, 60)
    with pytest.raises(RuntimeError, match="without an answer"):
        time_limit.run("limit_fixtures:die", {}, 60)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_limit_must_be_positive(seconds):
    with pytest.raises(InputError, match="positive"):
        time_limit.run("limit_fixtures:double", {"x": []}, seconds)


def test_the_child_ends_when_its_parent_is_killed():
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            (
                f"from derivations import time_limit; time_limit.run({FIXTURES + 'sleep'!r}, "
                f"{{'seconds': 301}}, 300)"
            ),
        ]
    )
    deadline = time.monotonic() + 30
    while not children() and time.monotonic() < deadline:
        time.sleep(0.05)
    started = children()
    assert started
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert gone(started)


def test_progress_is_heard_in_order_and_before_the_answer():
    heard = []
    assert time_limit.run(FIXTURES + "count", {"number": 3}, 60, heard.append) == 3
    assert heard == ["part 0", "part 1", "part 2"]


def test_progress_that_nobody_asked_for_disturbs_nothing(capsys):
    assert time_limit.run(FIXTURES + "count", {"number": 2}, 60) == 2
    time_limit.advance("outside of a child")
    assert capsys.readouterr() == ("", "")
