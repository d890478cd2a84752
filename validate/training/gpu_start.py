"""Runs the preset `gpu` on a machine without network, from the folder that this file lies in.

Needs Python 3.12 and what HERE names; all else lies beside it. Imports the standard library alone.
Leaves the records in `records`; given again, it carries on with them.
"""

import importlib.util
import os
import platform
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

HERE = ("torch", "numpy", "scipy", "sympy", "click", "rich", "jinja2", "safetensors", "PIL")
"""What must be installed on the machine."""
BUDGET = 480


def main(given: Sequence[str]) -> int:
    """The exit code of `gradbound validate`, to which everything given is handed on: a later option
    takes the place of an earlier.
    """
    place = Path(__file__).resolve().parent
    python = platform.python_version()
    if not python.startswith("3.12."):  # what is compiled in the wheels is for no other
        return _refuse(f"Python is {python}: start it with Python 3.12")
    if lacking := [name for name in HERE if importlib.util.find_spec(name) is None]:
        return _refuse(f"this Python has no {', '.join(lacking)}: start it with one that has")
    site = _unpacked(place)
    before = os.environ.get("PYTHONPATH", "")
    paths = [str(place / "source"), str(site), *([before] if before else [])]
    command = [sys.executable, "-m", "gradbound", "validate", "--preset", "gpu", "--resume"]
    command += ["--data-dir", str(place / "data"), "--out", str(place / "records")]
    command += ["--budget", str(BUDGET), *given]
    # One thread to a process: their number is what uses the machine.
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "OMP_NUM_THREADS": "1",
        "GRADBOUND_STARTED_BY": shlex.join([sys.executable, str(Path(__file__)), *given]),
    }
    return subprocess.run(command, check=False, env=environment).returncode


def _unpacked(place: Path) -> Path:
    """The wheels as a folder to import from: what is compiled is not imported from an archive."""
    site = place / "site"
    for wheel in sorted((place / "wheels").glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    return site


def _refuse(line: str) -> int:
    print(f"gpu_start: {line}", file=sys.stderr)  # noqa: T201  # nothing else is there to print with
    return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
