"""A process ends with the one that started it, not before, and whatever it is doing."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

CODE = """\
import sys, time
from derivations.parent_watch import end_after
end_after(sys.stdin.read)
print("ready", flush=True)
time.sleep(300)
"""


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    """A process that sleeps for minutes, and whose lifeline is its stdin."""
    command = [sys.executable, "-c", CODE]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_it_ends_when_the_other_end_is_closed_and_not_before(child: subprocess.Popen[str]) -> None:
    assert child.stdin
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    child.stdin.write("a word on the lifeline is no end\n")
    child.stdin.flush()
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.5)
    child.stdin.close()
    assert child.wait(30) == 1
