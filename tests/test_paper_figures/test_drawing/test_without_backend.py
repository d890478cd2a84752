"""No backend of the environment stops a figure, or changes a byte of it."""

import os
import subprocess
import sys

import pytest

from paper_figures.drawing import without_backend

DRAW = """
import hashlib, os, sys
from paper_figures import block_diagram, render_figure
figure = block_diagram("residual")
kinds = ("pdf", "png", "svg")
digests = [hashlib.sha256(render_figure(figure, kind)).hexdigest() for kind in kinds]
backend = sys.modules["matplotlib"].rcParams._get_backend_or_none()
print(*digests, os.environ.get("MPLBACKEND"), "matplotlib.pyplot" in sys.modules, backend)
"""


def drawn(backend: str | None) -> list[str]:
    """The digests of a drawing under a backend, the backend afterwards, and if pyplot was used."""
    environment = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"}
    if backend is not None:
        environment["MPLBACKEND"] = backend
    done = subprocess.run(
        [sys.executable, "-c", DRAW], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_figures_are_the_same_under_any_backend():
    """Known or not; a known one is still that of the user's own pyplot."""
    plain = drawn(None)
    assert plain[3:] == ["None", "False", "None"]
    for backend, kept in (("nonsense", "None"), ("svg", "svg")):
        found = drawn(backend)
        assert found[:3] == plain[:3]
        assert found[3:] == [backend, "False", kept]


def test_a_failure_leaves_the_environment_as_it_was(monkeypatch):
    def broken(name: str) -> None:
        assert "MPLBACKEND" not in os.environ
        raise ImportError(f"no {name}")

    monkeypatch.setattr(without_backend.importlib, "import_module", broken)
    monkeypatch.setenv("MPLBACKEND", "svg")
    without_backend.import_matplotlib()  # it is there already
    monkeypatch.delitem(sys.modules, "matplotlib")
    with pytest.raises(ImportError, match="no matplotlib"):
        without_backend.import_matplotlib()
    assert os.environ["MPLBACKEND"] == "svg"
