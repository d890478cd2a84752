"""Gathers what the preset `gpu` needs on a machine without network: one folder, one command there.

Packages, wheels that such machines lack (for CPython 3.12 on x86-64 Linux, in the versions of
`constraints.txt`), and the files of Fashion-MNIST. `python -m validate.training.gpu_bundle FOLDER`,
with the folder of the data set as a second argument where it is not Debian's.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from derivations.errors import InputError
from validate.data.fashion_mnist import DEBIAN_FASHION_MNIST, DIGESTS, fashion_mnist
from validate.training import gpu_start

ROOT = Path(__file__).parents[2]
PACKAGES = ("derivations", "numeric", "validate", "gradbound")
"""What the command imports; it draws nothing."""
WHEELS = (
    *("annotated-types", "pydantic", "pydantic_core", "python-flint", "threadpoolctl"),
    *("typing_extensions", "typing-inspection"),
)
"""What a machine with torch lacks, of what the command imports. scikit-learn is for the data set
digits alone."""
LARGEST = 60 * 2**20
"""Bytes of the folder."""
_NOT_SOURCE = shutil.ignore_patterns("__pycache__", "results", "*.pyc")


def bundle(
    folder: Path,
    data: Path | None = None,
    download: Callable[[Sequence[str], Path], None] | None = None,
) -> str:
    """Fills the folder, which is emptied of an earlier bundle, and returns the command to give
    there.

    Raises InputError for a data set that is missing or not genuine, wheels that cannot be had, or a
    folder that is too large or holds something else.
    """
    start = folder / "gpu_start.py"
    if folder.exists() and any(folder.iterdir()) and not start.exists():
        raise InputError(f"{folder} holds something else: choose another folder")
    fashion_mnist(data)  # refuses other files
    for part in ("source", "wheels", "data", "site"):
        shutil.rmtree(folder / part, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    for name in DIGESTS:
        at = (data or DEBIAN_FASHION_MNIST) / f"{name}.gz"
        shutil.copy(at if at.exists() else at.with_suffix(""), folder / "data")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / "source" / package, ignore=_NOT_SOURCE)
    (download or _download)(pinned((ROOT / "constraints.txt").read_text()), folder / "wheels")
    shutil.copy(str(gpu_start.__file__), start)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size > LARGEST:
        raise InputError(f"{folder} takes {size} bytes, more than {LARGEST}: empty it of records")
    return f"python3.12 {start.name}"


def pinned(constraints: str) -> list[str]:
    """NAME==VERSION of every wheel. Raises InputError for one without a version."""
    versions = dict(re.findall(r"^([\w.-]+)==([^\s#]+)$", constraints, re.MULTILINE))
    if unpinned := [name for name in WHEELS if name not in versions]:
        raise InputError(f"constraints.txt names no version of {', '.join(unpinned)}: add it")
    return [f"{name}=={versions[name]}" for name in WHEELS]


def _download(wanted: Sequence[str], to: Path) -> None:
    platforms = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
    # Twice quiet: of what pip says only errors, and no warnings of the machine's own index.
    command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--dest", str(to)]
    command += [
        "--disable-pip-version-check",
        "--only-binary=:all:",
        "--implementation",
        "cp",
        "--python-version",
        "3.12",
    ]
    command += [word for platform in platforms for word in ("--platform", platform)]
    if subprocess.run([*command, *wanted], check=False).returncode:
        raise InputError(f"pip could not download {', '.join(wanted)}: see what it says above")


def main(given: Sequence[str]) -> int:
    """Makes a bundle and says what to do with it."""
    folder, *data = map(Path, given or ["build/gpu"])
    try:
        command = bundle(folder, data[0] if data else None)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    sys.stdout.write(
        f"{folder} is all that a machine with Python 3.12, torch and a GPU needs: copy it there "
        f"and run `{command}` in it. The records are then in its folder `records`.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
