"""Breaks one rule or bound at a time and demands that the toolkit itself, or its tests, notice.

A mutant is one textual change in a copy of the packages. A mutant of `derivations` must make `gradbound derive` exit 4
and name a step; a mutant of `numeric` must make the test file beside it fail.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("derivations", "numeric", "validate", "paper_figures", "gradbound")


@dataclass(frozen=True)
class Mutant:
    """`before` must occur exactly once in `file`; `judge` is a block for `derive`, or a test file."""

    name: str
    file: str
    before: str
    after: str
    judge: str


SYMBOLIC = [
    Mutant(
        "the identity has slope 0",
        "jacobian.py",
        "return sp.Integer(1) if notation.reading",
        "return sp.Integer(0) if notation.reading",
        "residual",
    ),
    Mutant(
        "the identity's matrix is 2I",
        "jacobian.py",
        "else sp.Identity(notation.dimension_of(point))",
        "else 2 * sp.Identity(notation.dimension_of(point))",
        "residual",
    ),
    Mutant(
        "the chain in the wrong order",
        "jacobian.py",
        "_product(notation, *reversed(factors))",
        "_product(notation, *factors)",
        "se_residual",
    ),
    Mutant(
        "the chain doubles every factor",
        "jacobian.py",
        "factors.append(notation.jacobian(part, point))",
        "factors.append(2 * notation.jacobian(part, point))",
        "se_residual",
    ),
    Mutant(
        "a sum loses its first part",
        "jacobian.py",
        "_sum(notation, *(notation.jacobian(part, point) for part in term.parts))",
        "_sum(notation, *(notation.jacobian(part, point) for part in term.parts[1:]))",
        "residual",
    ),
    Mutant(
        "the product rule swaps its factors",
        "jacobian.py",
        "_product(notation, notation.diagonal(signal), notation.jacobian(term.gate, point))",
        "_product(notation, notation.diagonal(gate), notation.jacobian(term.gate, point))",
        "se_residual",
    ),
    Mutant(
        "the product rule drops the gate's derivative",
        "jacobian.py",
        "_product(notation, notation.diagonal(signal), notation.jacobian(term.gate, point)),",
        "",
        "se_residual",
    ),
    Mutant(
        "a concatenation in the wrong order",
        "jacobian.py",
        "_stack(notation, *(notation.jacobian(part, point) for part in term.parts))",
        "_stack(notation, *(notation.jacobian(part, point) for part in reversed(term.parts)))",
        "dense",
    ),
    Mutant(
        "the pullback forgets to transpose",
        "jacobian.py",
        "_product(notation, _transpose(notation, notation.jacobian(term, point)), g)",
        "_product(notation, notation.jacobian(term, point), g)",
        "residual",
    ),
    Mutant(
        "the pullback of a chain runs forwards",
        "jacobian.py",
        "zip(reversed(term.parts), reversed(points), strict=True)",
        "zip(term.parts, points, strict=True)",
        "se_residual",
    ),
    Mutant(
        "the pullback of a sum drops the skip",
        "jacobian.py",
        "_sum(notation, *(pullback_rule(part, point, notation, g) for part in term.parts))",
        "_sum(notation, *(pullback_rule(part, point, notation, g) for part in term.parts if part != Identity()))",
        "residual",
    ),
    Mutant(
        "the pullback of a gate swaps its diagonals",
        "jacobian.py",
        "pullback_rule(term.gate, point, notation, _product(notation, notation.diagonal(signal), g))",
        "pullback_rule(term.gate, point, notation, _product(notation, notation.diagonal(gate), g))",
        "se_residual",
    ),
    Mutant(
        "the pullback of a concatenation swaps its slices",
        "jacobian.py",
        "slices = g if isinstance(g, sp.Tuple)",
        "slices = sp.Tuple(*reversed(g)) if isinstance(g, sp.Tuple)",
        "dense",
    ),
    Mutant(
        "the base of a residual block is left out",
        "bounds.py",
        "lemma = _perturbation(notation, g, image)",
        "lemma = _perturbation(notation, 2 * g, image)",
        "residual",
    ),
    Mutant(
        "the dense base is the wrong slice",
        "bounds.py",
        "notation.signal((skip,)), notation.signal((1 - skip,))",
        "notation.signal((1 - skip,)), notation.signal((skip,))",
        "dense",
    ),
    Mutant(
        "the branch keeps the skip",
        "bounds.py",
        "linearize(notation).jacobian - sp.Identity(notation.dimension_of(Identity()))",
        "linearize(notation).jacobian",
        "residual",
    ),
    Mutant(
        "the law of cosines has the wrong sign",
        "bounds.py",
        "_COSINE_LAW = sp.sqrt(1 + 2 * C * T + T**2)",
        "_COSINE_LAW = sp.sqrt(1 - 2 * C * T + T**2)",
        "residual",
    ),
    Mutant(
        "the law of cosines loses its factor 2",
        "bounds.py",
        "_COSINE_LAW = sp.sqrt(1 + 2 * C * T + T**2)",
        "_COSINE_LAW = sp.sqrt(1 + C * T + T**2)",
        "residual",
    ),
    Mutant(
        "the alignment bound forgets the square",
        "bounds.py",
        "_ALIGNMENT = sp.sqrt(1 - sp.Min(C, 0) ** 2)",
        "_ALIGNMENT = 1 - sp.Min(C, 0) / 2",
        "residual",
    ),
    Mutant(
        "the alignment bound claims 1 for every c",
        "bounds.py",
        "_ALIGNMENT = sp.sqrt(1 - sp.Min(C, 0) ** 2)",
        "_ALIGNMENT = sp.Integer(1)",
        "residual",
    ),
    Mutant(
        "the uniform lower bound is halved the wrong way",
        "bounds.py",
        "uniform, numerical = sp.Max(1 - SIGMA_MAX,",
        "uniform, numerical = sp.Max(1 - SIGMA_MAX / 2,",
        "residual",
    ),
    Mutant(
        "the uniform lower bound has a dropped condition",
        "bounds.py",
        "sp.Max(1 - SIGMA_MAX, SIGMA_MIN - 1, 0)",
        "sp.Max(1 - SIGMA_MAX, SIGMA_MIN, 0)",
        "residual",
    ),
    Mutant(
        "the numerical range has the wrong end", "bounds.py", "sp.Max(1 + MU, -1 - LAMBDA, 0)", "sp.Max(1 + LAMBDA, -1 - MU, 0)", "residual"
    ),
    Mutant(
        "the numerical range swaps its definitions",
        "bounds.py",
        "Quantity(MU, NumericalRange(branch, -1))",
        "Quantity(MU, NumericalRange(branch, +1))",
        "residual",
    ),
    Mutant("the triangle inequality is reversed", "bounds.py", '_at_most("c ≤ 1", 1 + T,', '_at_least("c ≤ 1", 1 + T,', "residual"),
    Mutant(
        "the upper bound loses the skip",
        "bounds.py",
        '_at_most("operator norm", 1 + SIGMA_MAX, ',
        '_at_most("operator norm", SIGMA_MAX, ',
        "residual",
    ),
    Mutant(
        "the dense bound ignores the ratio of the slices",
        "bounds.py",
        "uniform = sp.Max(1 - SIGMA_MAX * RATIO, 0)",
        "uniform = sp.Max(1 - SIGMA_MAX, 0)",
        "dense",
    ),
    Mutant(
        "the plain bounds are exchanged",
        "bounds.py",
        '_at_least("least singular value", SIGMA_MIN,',
        '_at_least("least singular value", SIGMA_MAX,',
        "plain",
    ),
    Mutant(
        "the limit is taken at 1",
        "bounds.py",
        "return _vanishing(expr, scaled).subs(EPSILON, 0)",
        "return _vanishing(expr, scaled).subs(EPSILON, 1)",
        "residual",
    ),
    Mutant(
        "Equation (6) counts l + 1 skips",
        "equations.py",
        "norm = G * sp.sqrt(SLOPES + CROSS + L)",
        "norm = G * sp.sqrt(SLOPES + CROSS + L + 1)",
        "dense",
    ),
    Mutant(
        "Equation (6) starts its sum at 1",
        "equations.py",
        "SLOPES = sp.Sum(A[_I] ** 2, (_I, 0, L - 1))",
        "SLOPES = sp.Sum(A[_I] ** 2, (_I, 1, L - 1))",
        "dense",
    ),
    Mutant(
        "Equation (6) bounds by 2l",
        "equations.py",
        "G * sp.sqrt(SLOPES + L), G * sp.sqrt(SLOPES + 1)",
        "G * sp.sqrt(SLOPES + 2 * L), G * sp.sqrt(SLOPES + 1)",
        "dense",
    ),
    Mutant(
        "the square root law loses its root",
        "equations.py",
        "law = _limit(_small_slopes(lower), G * sp.sqrt(L),",
        "law = _limit(_small_slopes(lower), G * L,",
        "dense",
    ),
    Mutant("literal copies are off by one", "equations.py", "copies = 3 * 2 ** (L - 1) - 1", "copies = 3 * 2 ** (L - 1)", "dense"),
]

BIND, POINT, SPECTRA, REALIZE = (f"tests/test_numeric/test_{name}.py" for name in ("bind", "point", "spectra", "realize"))
NUMERIC = [
    Mutant("a cosine has no rounding error", "bind.py", "tolerances(found.low.dtype).rounding", "0.0", BIND),
    Mutant(
        "only the inner end of an enclosure is used",
        "bind.py",
        "(found.low,) if found.low is found.high else (found.low, found.high)",
        "(found.low,)",
        BIND,
    ),
    Mutant("a diagonal keeps its signs", "bind.py", "sizes = operator.diagonal.abs()", "sizes = -operator.diagonal", BIND),
    Mutant("samples may be coupled", "point.py", "        self._check_repeatable()\n", "", BIND),
    Mutant(
        "corners are taken on the wrong side",
        "bind.py",
        'values.amin(0) if bound.side == "lower"',
        'values.amax(0) if bound.side == "lower"',
        BIND,
    ),
    Mutant("a bound keeps the units of its base", "bind.py", "worst * (base / signal_norm)", "worst", BIND),
    Mutant("a probable number is called exact", "bind.py", '"probable" if delta else bound.certainty', "bound.certainty", BIND),
    Mutant("a zero signal passes", "bind.py", "if not (lengths > 0).all():", "if False:", BIND),
    Mutant("the slices of a signal are misplaced", "point.py", "start + sum(sizes[:index])", "start + sum(sizes[index + 1 :])", POINT),
    Mutant(
        "a chain's Jacobian is taken at its input",
        "point.py",
        "made = _Flat(JacobianOperator(self._leaves[name], self._value(point)))",
        "made = _Flat(JacobianOperator(self._leaves[name], self.x))",
        POINT,
    ),
    Mutant(
        "a product applies its first factor first", "point.py", "reversed(factors), self.column(last)", "factors, self.column(last)", POINT
    ),
]


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
    return run(folder, "-m", "gradbound", "derive", block, "--format", "json")


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


@pytest.mark.parametrize("mutant", NUMERIC, ids=lambda mutant: mutant.name)
def test_a_broken_evaluation_is_caught(mutant, tmp_path):
    folder = mutated(mutant, "numeric", tmp_path)
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__", "test_mutants.py"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    done = run(folder, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", mutant.judge)
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
