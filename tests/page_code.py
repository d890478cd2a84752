"""Turns a page of docs/ into one Python script that does what its reader would do, in order.

Python is run as it stands, but for a block whose first line names a file (`# mynet.py`): that is
written. `$ gradbound …` is run, and what the page shows as its output must be what it prints, but
for numbers, for bars, and for lines with an ellipsis, which stand for any others. Work of hours and
commands of other programs are read, not run.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from root import ROOT

FENCE = re.compile(r"^```(python|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# ([\w/]+\.py)\n")
HOURS = ("cpu", "gpu", "study")
OTHERS = ("python3.12", "make")
_not_made: set[str] = set()
"""What commands that are only read would have left."""


def script(page: str) -> str:
    """The page's blocks, one after the other; raises ValueError for a page that has none."""
    blocks = FENCE.findall(page)
    if not blocks:
        raise ValueError("no code on this page")
    return "\n".join(("import page_code as _page", *(_block(*each) for each in blocks)))


def _block(kind: str, code: str) -> str:
    if kind == "console":
        return f"_page.console({code!r})"
    named = _FILE.match(code)
    return f"_page.keep({named[1]!r}, {code!r})" if named else code


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """In a process and a folder of its own, with the packages and `page_code` at hand."""
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": paths, "MPLBACKEND": "agg"},
        timeout=300,
    )


def keep(name: str, code: str) -> None:
    """Writes a file of the page, and lets it be imported."""
    Path(name).write_text(code)
    sys.path.insert(0, str(Path.cwd()))


def console(text: str) -> None:
    """Runs the commands of a block; raises AssertionError where one prints something else."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        words = shlex.split(command)
        arguments = gradbound_arguments(words)
        if arguments is None:
            check_other(words)
        elif _takes_hours(words) or _not_made & _after(words, "--results"):
            parse(arguments)
            _not_made.update(_after(words, "--out"))
        else:
            _agree(command, shown, _run(arguments))


def gradbound_arguments(words: list[str]) -> list[str] | None:
    """What `gradbound` is given in this command, however it is started; None for other commands."""
    if words[0] == "gradbound":
        return words[1:]
    started = "-m" in words and words[words.index("-m") + 1] == "gradbound"
    return words[words.index("-m") + 2 :] if started else None


def _after(words: list[str], option: str) -> set[str]:
    return {words[words.index(option) + 1]} if option in words else set()


def _takes_hours(words: list[str]) -> bool:
    long = words[0] == "torchrun" or any(f"--preset {each}" in " ".join(words) for each in HOURS)
    return long and "--dry-run" not in words


def parse(arguments: list[str]) -> None:
    """Reads a command as the command line would; raises click.UsageError for one it refuses."""
    from gradbound.cli import cli

    with cli.make_context("gradbound", list(arguments)) as context:
        name, verb, rest = cli.resolve_command(context, list(arguments))
        assert verb is not None
        verb.make_context(name, rest)


def check_other(words: list[str]) -> None:
    """Raises AssertionError for a program that no page should need."""
    if words[:3] == ["python", "-m", "pytest"]:
        assert _subprocess([sys.executable, *words[1:], "-p", "no:cacheprovider"])
        return
    assert words[0] in OTHERS, words
    if words[0] == "make":
        assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text(), words


def _run(arguments: list[str]) -> str:
    return _subprocess([sys.executable, "-m", "gradbound", *arguments])


def _subprocess(command: list[str]) -> str:
    environment = os.environ | {"COLUMNS": "120"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def _agree(command: str, shown: str, printed: str) -> None:
    """Every line shown is printed, in this order; without an ellipsis, nothing else is."""
    rest, lines = shapes(printed), shapes(shown)
    if not any(line.endswith("…") for line in lines):
        assert rest == lines, f"{command} prints {printed}"
        return
    for line in lines:
        if line == "…":
            continue
        if line.endswith("…"):
            found = [each for each in rest if each.startswith(line[:-1].rstrip())]
        else:
            found = [each for each in rest if each == line]
        assert found, f"{command} does not print {line!r} there, but {printed}"
        rest = rest[rest.index(found[0]) + 1 :]


def shapes(text: str) -> list[str]:
    """The lines of a text without their numbers, bars and spacing, and without empty ones."""
    return [shape for shape in map(_shape, text.splitlines()) if shape]


def _shape(line: str) -> str:
    plain = re.sub(r"[█▏▎▍▌▋▊▉▐│]+", "", line)
    return " ".join(re.sub(r"-?\d[\d.,e+-]*", "#", plain).split())
