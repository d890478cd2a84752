"""Checks that the tree is as described: rooms, mirrored tests, one way through the imports."""

import ast
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest
from root import ROOT

PACKAGES = ("derivations", "numeric", "validate", "paper_figures", "gradbound")
FILES_IN_A_ROOM = 16


def modules() -> dict[str, Path]:
    """Every module of the packages by its dotted name, packages included."""
    found = {}
    for path in chain.from_iterable((ROOT / name).rglob("*.py") for name in PACKAGES):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    assert len(found) > 150
    return found


MODULES = modules()
ROOMS = {name: path for name, path in MODULES.items() if path.stem == "__init__"}
FILES = {name: path for name, path in MODULES.items() if not path.stem.startswith("__")}


def imported(name: str, source: str) -> Iterator[str]:
    """The modules of ours that a module imports anywhere: on top, in functions, for types."""
    for node in ast.walk(ast.parse(source)):
        asked = []
        if isinstance(node, ast.Import):
            asked = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            asked = [each if each in MODULES else node.module for each in below]
        yield from (each for each in asked if each in MODULES and each != name)


def test_no_imports_run_in_a_circle() -> None:
    graph = {name: set(imported(name, path.read_text())) for name, path in MODULES.items()}
    assert sum(map(len, graph.values())) > 500
    TopologicalSorter(graph).prepare()


def test_a_circle_through_a_function_or_a_type_is_noticed() -> None:
    there = "from derivations.algebra import terms"
    back = "if TYPE_CHECKING:\n    import derivations.errors"
    graph = {
        "derivations.errors": set(imported("derivations.errors", there)),
        "derivations.algebra.terms": set(imported("derivations.algebra.terms", back)),
    }
    with pytest.raises(CycleError):
        TopologicalSorter(graph).prepare()


FORBIDDEN = {
    "data flows one way": [
        ("numeric.operators.vector_norms", "validate.records.schema"),
        ("derivations.algebra.terms", "numeric.tolerances"),
    ],
    "derivations never imports torch": [("derivations.algebra.terms", "torch")],
    "derivations: the checker": [
        ("derivations.algebra.terms", "derivations.rules.jacobian"),
        ("derivations.errors", "derivations.algebra.terms"),
        ("derivations.checker.check", "derivations.rules.jacobian"),
        ("derivations.checker.check", "derivations.theorems.gates"),
        ("derivations.rules.jacobian", "derivations.checker.check"),
        ("derivations.laws.law", "derivations.theorems.gates"),
        ("derivations.theorems.gates", "derivations.laws.law"),
        ("derivations.theorems.gates", "derivations.book.document"),
    ],
    "numeric: rooms": [
        ("numeric.operators.krylov", "numeric.evaluation.evaluate"),
        ("numeric.operators.krylov", "numeric.laws.chi_square"),
        ("numeric.laws.chi_square", "numeric.operators.krylov"),
        ("numeric.evaluation.evaluate", "numeric.certified.balls"),
        ("numeric.capture.capture", "numeric.every_loss.reachable"),
        ("numeric.tolerances", "numeric.checks"),
    ],
    "validate: rooms": [
        ("validate.networks.vgg", "validate.records.schema"),
        ("validate.records.schema", "validate.networks.vgg"),
        ("validate.data.datasets", "validate.comparison.predict"),
        ("validate.comparison.predict", "validate.data.datasets"),
        ("validate.statistics.slopes", "validate.training.train"),
        ("validate.training.train", "validate.statistics.slopes"),
        ("validate.training.train", "validate.analysis.analyze"),
        ("validate.targets.targets", "validate.training.train"),
        ("validate.targets.targets", "validate.statistics.slopes"),
        ("validate.training.train", "validate.audit.verdicts"),
    ],
    "paper_figures: rooms": [
        ("paper_figures.drawing.style", "paper_figures.figures.select"),
        ("paper_figures.figures.select", "paper_figures.tables"),
        ("paper_figures.tables.table", "paper_figures.study.study_tables"),
        ("paper_figures.study.study_tables", "paper_figures.pages.pictures"),
        ("paper_figures.report", "paper_figures.gallery"),
        ("paper_figures.gallery", "paper_figures.report"),
    ],
    "a measurement shares no code": [
        ("validate.measure.network_gains", "derivations.algebra.terms"),
        ("validate.measure.network_gains", "numeric.tolerances"),
        ("validate.measure.network_gains", "validate.comparison.predict"),
        ("validate.measure.network_gains", "validate.progress"),
    ],
}
"""By contract: who must not import whom."""


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    script = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command; "
        "lint_imports_command(['--no-cache'])"
    )
    return subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_contracts_hold() -> None:
    outcome = lint_imports(ROOT)
    assert outcome.returncode == 0, outcome.stdout


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of a copy of the packages that holds every forbidden import."""
    copy = tmp_path_factory.mktemp("broken")
    ignored = shutil.ignore_patterns("__pycache__", "results")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", copy)
    for module, wanted in chain(*FORBIDDEN.values()):
        path = copy / MODULES[module].relative_to(ROOT)
        path.write_text(f"{path.read_text()}\nimport {wanted}\n")
    outcome = lint_imports(copy)
    assert outcome.returncode == 1
    return " ".join(outcome.stdout.split())


@pytest.mark.parametrize("contract", FORBIDDEN)
def test_a_forbidden_import_breaks_its_contract(broken: str, contract: str) -> None:
    assert re.search(rf"{contract}[^.]* BROKEN", broken)


@pytest.mark.parametrize(("module", "wanted"), [*chain(*FORBIDDEN.values())])
def test_each_forbidden_import_is_named(broken: str, module: str, wanted: str) -> None:
    assert re.search(rf"{module} -> {wanted} \(l\.\d+\)", broken)


def folders(*roots: str) -> list[Path]:
    """The folders below these that hold Python files."""
    files = chain.from_iterable((ROOT / root).rglob("*.py") for root in roots)
    return sorted({path.parent for path in files})


@pytest.mark.parametrize(
    "folder",
    folders(*PACKAGES, "tests", "benchmarks"),
    ids=lambda folder: folder.relative_to(ROOT).as_posix(),
)
def test_no_room_is_crowded(folder: Path) -> None:
    assert len(list(folder.glob("*.py"))) <= FILES_IN_A_ROOM


@pytest.mark.parametrize("name", MODULES)
def test_the_first_line_says_what_lives_there(name: str) -> None:
    said = ast.get_docstring(ast.parse(MODULES[name].read_text()))
    assert said
    assert re.fullmatch(r"[A-Z].*[.:?]", said.splitlines()[0]), said.splitlines()[0]


def test_no_two_files_share_a_name() -> None:
    """A file is named for its job, so that the name alone leads to it."""
    names = Counter(path.stem for path in FILES.values())
    assert [name for name, count in names.items() if count > 1] == []


def mirror(name: str) -> Path:
    """Where the tests of a module lie."""
    *rooms, file = name.split(".")
    return Path("tests", *(f"test_{room}" for room in rooms), f"test_{file}.py")


@pytest.mark.parametrize("name", FILES)
def test_every_file_has_tests_of_its_name(name: str) -> None:
    tests = ROOT / mirror(name)
    assert tests.exists()
    assert re.search(r"^(async )?def test_", tests.read_text(), re.MULTILINE)


def test_every_test_lies_beside_what_it_tests() -> None:
    """A file is named for a module, or for its room, and perhaps for an aspect of that."""
    mirrors = {mirror(name).with_suffix("") for name in FILES}
    astray = []
    for path in (ROOT / "tests").glob("test_*/**/test_*.py"):
        place = path.relative_to(ROOT).with_suffix("")
        words = place.name.split("_")
        whose = {place.with_name("_".join(words[:end])) for end in range(2, len(words) + 1)}
        mirrors.add(place.parent / place.parent.name)
        if not whose & mirrors:
            astray.append(place.as_posix())
    assert astray == []


def exported(source: str) -> Iterator[str]:
    """The public names that a module defines at its top."""
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        for name in chain.from_iterable(map(ast.walk, targets)):
            if isinstance(name, ast.Name) and not name.id.startswith("_"):
                yield name.id


@pytest.mark.parametrize("name", FILES)
def test_no_name_is_a_single_letter(name: str) -> None:
    assert [each for each in exported(FILES[name].read_text()) if len(each) == 1] == []


def test_a_single_letter_would_be_found() -> None:
    assert list(exported("A, (_b, C) = 1, (2, 3)\nd: int = 4\ndef f(x): y = x")) == ["A", "C", "d"]


def definitions(source: str) -> Iterator[tuple[str, str]]:
    """Functions and classes of five lines and more, as they are but for their docstrings."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if ast.get_docstring(node):
                node.body = node.body[1:]
            text = ast.unparse(node)
            if text.count("\n") >= 4:
                yield node.name, text


def test_nothing_is_defined_twice() -> None:
    places: dict[tuple[str, str], list[str]] = {}
    for name, path in FILES.items():
        for each in definitions(path.read_text()):
            places.setdefault(each, []).append(name)
    assert len(places) > 500
    assert {key[0]: where for key, where in places.items() if len(where) > 1} == {}


def test_files_that_texts_name_are_there() -> None:
    """A refusal that names a file, or a docstring, must lead somewhere."""
    there = {path.name for path in ROOT.glob("*/**/*.py") if ".venv" not in path.parts}
    there |= {"file.py", "FILE.py"}  # the user's own, whatever it is called
    named = [
        (name, file)
        for name, path in MODULES.items()
        for file in re.findall(r"[\w/]+\.py\b", path.read_text())
    ]
    assert len(named) > 20
    assert [(name, file) for name, file in named if Path(file).name not in there] == []
    paths = [(name, file) for name, file in named if file.split("/")[0] in PACKAGES]
    assert paths
    assert [(name, file) for name, file in paths if not (ROOT / file).exists()] == []
