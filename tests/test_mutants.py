"""Breaks one rule or bound at a time and demands that the toolkit itself, or its tests, notice.

A mutant is one textual change in a copy of the packages. A mutant of `derivations` must make `gradbound derive` exit 4
and name a step; a mutant of `numeric` must make the test file beside it fail.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mutants import CHECKERS, MEASUREMENTS, NUMERIC, SYMBOLIC, THEOREMS, Mutant

ROOT = Path(__file__).parents[1]
BESIDE_TESTS = (
    [("numeric", each) for each in NUMERIC] + [("validate", each) for each in MEASUREMENTS] + [("derivations", each) for each in CHECKERS]
)
EVERY_FOURTH = [
    pytest.param(package, mutant, id=f"{package}-{mutant.name}", marks=() if index % 4 == 0 else pytest.mark.slow)
    for index, (package, mutant) in enumerate(BESIDE_TESTS)
]
"""Each takes ten seconds, so the others are left to the slow sweeps."""
PACKAGES = ("derivations", "numeric", "validate", "paper_figures", "gradbound")


def mutated(mutant: Mutant, package: str, folder: Path) -> Path:
    """A copy of the packages and tests in which the mutant lives."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "results"))
    target = folder / package / mutant.file
    source = target.read_text(encoding="utf-8")
    assert source.count(mutant.before) == 1, f"{mutant.name}: the line to break occurs {source.count(mutant.before)} times"
    target.write_text(source.replace(mutant.before, mutant.after), encoding="utf-8")
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "HYPOTHESIS_PROFILE": "quick",
    }
    environment.pop("PYTEST_XDIST_WORKER", None)
    return subprocess.run([sys.executable, *command], check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def derive(folder: Path, block: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "-m", "gradbound", "derive", *([block] if block else []), "--format", "json")


@pytest.mark.parametrize("block", ["plain", "residual", "se_residual", "dense"])
def test_the_unbroken_rules_pass(block, tmp_path):
    harmless = Mutant("nothing", "bounds.py", "from functools import singledispatch", "from functools import singledispatch", block)
    assert derive(mutated(harmless, "derivations", tmp_path), block).returncode == 0


@pytest.mark.parametrize("mutant", SYMBOLIC, ids=lambda mutant: mutant.name)
def test_a_broken_rule_is_caught_and_named(mutant, tmp_path):
    done = derive(mutated(mutant, "derivations", tmp_path), mutant.judge)
    assert done.returncode == 4, done.stderr
    assert "step" in done.stderr
    assert len(done.stderr.strip().splitlines()) >= 1


JUDGE_THEOREMS = """
import sys
from importlib import import_module
from derivations.check import check
from derivations.errors import GradboundError
try:
    theorems = import_module(f"derivations.{sys.argv[1]}").theorems()
    failed = [f"{theorem.id}, step {each.step.rule}" for theorem in theorems for each in check(theorem.derivation) if not each.ok]
except GradboundError as error:
    failed = [f"refused: {error}"]
print("; ".join(failed), file=sys.stderr)
sys.exit(4 if failed else 0)
"""


@pytest.mark.parametrize("module", sorted({mutant.judge for mutant in THEOREMS}))
def test_the_unbroken_theorems_pass(module, tmp_path):
    harmless = Mutant(
        "nothing", f"{module}.py", "from derivations.theorems import Theorem", "from derivations.theorems import Theorem", module
    )
    assert run(mutated(harmless, "derivations", tmp_path), "-c", JUDGE_THEOREMS, module).returncode == 0


@pytest.mark.parametrize("mutant", THEOREMS, ids=lambda mutant: mutant.name)
def test_a_broken_theorem_is_caught_and_named(mutant, tmp_path):
    done = run(mutated(mutant, "derivations", tmp_path), "-c", JUDGE_THEOREMS, mutant.judge)
    assert done.returncode == 4, done.stderr
    assert "step" in done.stderr or "refused" in done.stderr


@pytest.mark.parametrize(("package", "mutant"), EVERY_FOURTH)
def test_a_broken_evaluation_measurement_or_checker_fails_its_tests(package, mutant, tmp_path):
    folder = mutated(mutant, package, tmp_path)
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__", "test_mutants.py", "mutants.py"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    done = run(folder, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", mutant.judge)
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
