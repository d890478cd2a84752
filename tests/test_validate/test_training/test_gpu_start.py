"""The start of a bundle: which command it gives, with what to import, and what it refuses."""

import ast
import os
import platform
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from gradbound.carry_on import STARTED_BY
from validate.training import gpu_start


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A bundle of one wheel, on a machine with the right Python."""
    monkeypatch.setattr(gpu_start, "__file__", str(tmp_path / "gpu_start.py"))
    monkeypatch.setattr(platform, "python_version", lambda: "3.12.3")
    (tmp_path / "wheels").mkdir()
    with zipfile.ZipFile(tmp_path / "wheels/tiny-1.0.whl", "w") as wheel:
        wheel.writestr("tiny/__init__.py", "")
    return tmp_path


def test_it_runs_the_preset_within_a_budget_on_what_lies_beside_it(place, monkeypatch):
    started = []

    def run(command, *, check, env):
        started.append((command, env))
        return SimpleNamespace(returncode=4)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    assert gpu_start.main(["--budget", "60"]) == 4
    ((command, environment),) = started
    assert command[:7] == [
        *(sys.executable, "-m", "gradbound", "validate", "--preset", "gpu", "--resume"),
    ]
    assert command[-4:] == ["--budget", "480", "--budget", "60"]
    assert str(place / "records") in command
    assert environment["PYTHONPATH"] == os.pathsep.join(
        [str(place / "source"), str(place / "site"), "elsewhere"]
    )
    assert environment["OMP_NUM_THREADS"] == "1"
    way_on = shlex.split(environment[STARTED_BY])
    assert way_on == [sys.executable, gpu_start.__file__, *command[command.index("480") + 1 :]]
    assert (place / "site/tiny/__init__.py").exists()


def test_another_python_or_one_that_lacks_something_is_refused(place, monkeypatch, capsys):
    monkeypatch.setattr(gpu_start, "HERE", ("torch", "no_such_package"))
    assert gpu_start.main([]) == 3
    assert "has no no_such_package" in capsys.readouterr().err
    monkeypatch.setattr(platform, "python_version", lambda: "3.11.7")
    assert gpu_start.main([]) == 3
    assert "Python is 3.11.7" in capsys.readouterr().err
    assert not (place / "site").exists()


def test_it_imports_the_standard_library_alone():
    """It is copied out of its package."""
    tree = ast.parse(Path(gpu_start.__file__).read_text())
    modules = {
        (node.module if isinstance(node, ast.ImportFrom) else name.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert modules <= set(sys.stdlib_module_names)
