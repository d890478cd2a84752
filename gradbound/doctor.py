"""Examines the machine: what is installed, where it computes, which data it finds.

Reads, never repairs. `problems` holds one line for everything that would stop another command.
"""

import os
import platform
import re
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("derivations", "numeric", "validate", "paper_figures", "gradbound")


@dataclass(frozen=True)
class Diagnosis:
    """What `gradbound doctor` reports; the attributes are the keys of its JSON."""

    schema: str
    versions: dict[str, str | None]  # None: not installed
    device: str
    threads: dict[str, int]
    datasets: dict[str, str | None]  # where it was found; None: nowhere
    writable: bool  # the working directory
    problems: tuple[str, ...]

    def __str__(self) -> str:
        rows = [(name, version or "not installed") for name, version in self.versions.items()]
        rows += [
            ("device", self.device),
            ("threads", ", ".join(f"{count} {of}" for of, count in self.threads.items())),
        ]
        rows += [
            (f"data set {name}", place or "not found") for name, place in self.datasets.items()
        ]
        rows += [("working directory", "writable" if self.writable else "not writable")]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def examine(data_dir: Path | None = None) -> Diagnosis:
    """The state of this environment; imports torch."""
    versions, writable = _versions(), os.access(Path.cwd(), os.W_OK | os.X_OK)
    problems = [
        f"{name} is not installed: pip install gradbound"
        for name, version in versions.items()
        if version is None
    ]
    problems += [
        f"{place} is not gradbound's: install into an environment of its own"
        for place in strangers()
    ]
    if not writable:
        problems.append(f"{Path.cwd()} cannot be written: give --out")
    return Diagnosis(
        "gradbound.doctor/1",
        versions,
        _device(),
        _threads(),
        _datasets(data_dir),
        writable,
        tuple(problems),
    )


def strangers() -> list[Path]:
    """The folders that answer to our package names without being ours.

    Configobj, too, installs a `validate`.
    """
    ours = Path(__file__).parents[1]
    return [place for name in PACKAGES if (place := _place(name)) != ours / name]


def _place(name: str) -> Path:
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else Path(name)


def _versions() -> dict[str, str | None]:
    return {"python": platform.python_version()} | {
        name: _version(name) for name in ("gradbound", *_requirements())
    }


def _requirements() -> list[str]:
    try:
        lines = metadata.requires("gradbound") or []
    except metadata.PackageNotFoundError:  # run from a folder of sources
        return []
    return [re.split(r"[^\w.-]", line)[0] for line in lines if "extra ==" not in line]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _device() -> str:
    import torch

    return f"cuda ({torch.cuda.get_device_name()})" if torch.cuda.is_available() else "cpu"


def _threads() -> dict[str, int]:
    import torch

    return {
        "cores": os.cpu_count() or 1,
        "torch": torch.get_num_threads(),
        "torch_interop": torch.get_num_interop_threads(),
    }


def _datasets(data_dir: Path | None) -> dict[str, str | None]:
    from validate.data.datasets import DATASETS, locate

    return {name: locate(name, data_dir) for name in DATASETS}
