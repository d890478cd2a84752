"""Breaks one rule or bound at a time and demands that the toolkit itself, or its tests, notice.

A mutant is one textual change in a copy of the packages. A mutant of the rules must make `gradbound
derive` exit 4 and name a step; one of a theorem must make the checker refuse a step; any other must
make the tests beside it fail.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from mutants.analysis import ANALYSIS
from mutants.audit import VERDICTS
from mutants.capture import CAPTURE
from mutants.checkers import CHECKERS
from mutants.command_line import COMMAND_LINE
from mutants.every_loss import EVERY_LOSS
from mutants.figures import FIGURES
from mutants.mutant import Mutant
from mutants.numeric import NUMERIC
from mutants.report import REPORT
from mutants.rules import SYMBOLIC
from mutants.study import STUDY
from mutants.theorems import THEOREMS
from mutants.validate import MEASUREMENTS
from mutants.watch import WATCHED
from root import ROOT

PACKAGES = ("derivations", "numeric", "validate", "paper_figures", "gradbound")
BESIDE_TESTS = (
    *NUMERIC,
    *EVERY_LOSS,
    *CAPTURE,
    *MEASUREMENTS,
    *FIGURES,
    *ANALYSIS,
    *WATCHED,
    *CHECKERS,
    *VERDICTS,
    *STUDY,
    *REPORT,
    *COMMAND_LINE,
)


def one_of(count: int, mutants: Sequence[Mutant]) -> list[Any]:
    """All mutants; each takes seconds, so but for one of so many they are left to slow sweeps.

    Which one its name says: a new mutant changes nothing for the others.
    """
    names = [f"{mutant.module}-{mutant.name}" for mutant in mutants]
    return [
        pytest.param(
            mutant, id=name, marks=() if crc32(name.encode()) % count == 0 else pytest.mark.slow
        )
        for name, mutant in zip(names, mutants, strict=True)
    ]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the packages, to be broken."""

    def large(folder: str, names: Sequence[str]) -> set[str]:
        return {"__pycache__", *(("cpu", "gpu", "study") if Path(folder).name == "results" else ())}

    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=large)
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "HYPOTHESIS_PROFILE": "quick",
    }
    environment.pop("PYTEST_XDIST_WORKER", None)
    return subprocess.run(
        [sys.executable, *command],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def derive(folder: Path, block: str | None) -> subprocess.CompletedProcess[str]:
    chosen = [block] if block else []
    return run(folder, "-m", "gradbound", "derive", *chosen, "--format", "json")


@pytest.mark.parametrize("block", ["plain", "residual", "se_residual", "dense"])
def test_the_unbroken_rules_pass(block, copied):
    assert derive(copied, block).returncode == 0


@pytest.mark.parametrize("mutant", one_of(4, SYMBOLIC))
def test_a_broken_rule_is_caught_and_named(mutant, copied):
    mutant.live(copied)
    done = derive(copied, mutant.judge)
    assert done.returncode == 4, done.stderr
    assert "step" in done.stderr


JUDGE_THEOREMS = """
import sys
from importlib import import_module
from derivations.checker.check import check
from derivations.errors import GradboundError
try:
    failed = [
        f"{theorem.id}, step {each.step.rule}"
        for theorem in import_module(sys.argv[1]).theorems()
        for each in check(theorem.derivation)
        if not each.ok
    ]
except GradboundError as error:
    failed = [f"refused: {error}"]
print("; ".join(failed), file=sys.stderr)
sys.exit(4 if failed else 0)
"""


@pytest.mark.parametrize("module", sorted({each.judge or each.module for each in THEOREMS}))
def test_the_unbroken_theorems_pass(module, copied):
    assert run(copied, "-c", JUDGE_THEOREMS, module).returncode == 0


@pytest.mark.parametrize("mutant", one_of(4, THEOREMS))
def test_a_broken_theorem_is_caught_and_named(mutant, copied):
    mutant.live(copied)
    done = run(copied, "-c", JUDGE_THEOREMS, mutant.judge or mutant.module)
    assert done.returncode == 4, done.stderr
    assert "step" in done.stderr or "refused" in done.stderr


@pytest.mark.parametrize("mutant", one_of(20, BESIDE_TESTS))
def test_what_is_broken_otherwise_fails_its_tests(mutant, copied):
    mutant.live(copied)
    ignored = shutil.ignore_patterns("__pycache__", "test_mutants.py", "mutants")
    shutil.copytree(ROOT / "tests", copied / "tests", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", copied)
    judge = mutant.judge or mutant.tests
    done = run(copied, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", judge)
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]


def test_the_text_to_break_must_occur_once():
    twice = Mutant("twice", "derivations/errors.py", "f(x,", "g(x,")
    with pytest.raises(AssertionError, match="occurs 2 times"):
        twice.broken("f(x, y) + f(\n    x, z)")
    assert twice.broken("f(\n    x, y)") == "g(x, y)"
