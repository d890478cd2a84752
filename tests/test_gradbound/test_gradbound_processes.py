"""The command line in processes of its own: pipes, full disks, interrupts, what is left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from root import ROOT


def heed_interrupts() -> None:
    """In a child: a shell's background jobs, and so their tests, inherit that SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def gradbound(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """`python -m gradbound` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "gradbound", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        **options,
    )


def test_a_reader_that_leaves_is_no_failure() -> None:
    command = f"{sys.executable} -m gradbound derive plain | head -1; exit ${{PIPESTATUS[0]}}"
    outcome = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert outcome.returncode == 0
    assert outcome.stdout == "Plain block (VGGNet)\n"
    assert outcome.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_ends_with_3() -> None:
    with Path("/dev/full").open("w") as full:
        outcome = subprocess.run(
            [sys.executable, "-m", "gradbound", "derive", "plain"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=ROOT,
        )
    assert outcome.returncode == 3
    assert outcome.stderr.count("\n") == 1


def test_an_interrupt_ends_with_130_and_leaves_no_process_behind() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "gradbound", "derive"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509, it touches no lock
    )
    child = wait_for_child(process.pid)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 130
    assert out == ""
    assert err.strip().startswith("gradbound: interrupted")
    assert "\n" not in err.strip()
    # A child that the interrupt found half-started ends by itself, when it sees its parent gone.
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists()


def test_off_a_terminal_validate_says_how_far_it_is_and_sigterm_how_to_carry_on(
    tmp_path: Path,
) -> None:
    """Of a whole group, as a batch system sends it: the workers leave the answer to their parent,
    and end with it.
    """
    out = tmp_path / "my results"
    process = subprocess.Popen(
        [sys.executable, "-m", "gradbound", "validate", "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "2"},
        start_new_session=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("0 of 10 done")
    deadline = time.monotonic() + 120
    while not list(out.glob("runs/*/config.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 130
    said = err.splitlines()[-1]
    assert said.startswith("gradbound: interrupted: to carry on, run `")
    assert said.endswith(f" validate --out '{out}' --resume`")
    assert "Traceback" not in err
    deadline = time.monotonic() + 10
    while members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not members(process.pid)


def members(group: int) -> list[str]:
    """The processes of a group that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, pgrp = stat.read_text().rpartition(")")[2].split()[:3]
            found += [stat.parent.name] if int(pgrp) == group and state != "Z" else []
    return found


def wait_for_child(parent: int, seconds: float = 60) -> int:
    """The process id of the first child of `parent`."""
    children = Path(f"/proc/{parent}/task/{parent}/children")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := children.read_text().split():
            return int(found[0])
        time.sleep(0.02)
    raise TimeoutError(f"{parent} has started no process within {seconds} s")


@pytest.mark.slow
def test_reproduce_is_interrupted_between_whole_files(tmp_path: Path) -> None:
    """By SIGINT in the middle of training.

    That a resumed call ends with the records of an unbroken one is tested with `validate`.
    """
    out = tmp_path / "build"
    command = [sys.executable, "-m", "gradbound", "reproduce", "--out", str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    deadline = time.monotonic() + 120
    while (
        not list(out.glob("results/runs/*/epochs.jsonl"))
        and time.monotonic() < deadline
        and process.poll() is None
    ):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("gradbound: interrupted")
    assert "Traceback" not in err
    assert json.loads((out / "results" / "manifest.json").read_text())["status"] == "running"
    assert [
        json.loads(line) for path in out.rglob("*.jsonl") for line in path.read_text().splitlines()
    ]


def test_python_m_gradbound_and_no_color() -> None:
    outcome = gradbound("derive", "plain", env=os.environ | {"NO_COLOR": "1"})
    assert outcome.returncode == 0
    assert "\x1b" not in outcome.stdout + outcome.stderr
