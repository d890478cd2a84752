"""Checks what is shipped and promised: the wheel, who owns each name, the README's commands."""

import importlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from root import ROOT

PACKAGES = {"derivations", "numeric", "validate", "paper_figures", "gradbound"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The names in the wheel, built offline, with the text of the metadata files."""
    out = tmp_path_factory.mktemp("wheel")
    build = "import sys, hatchling.build; hatchling.build.build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, str(out)], cwd=ROOT, check=True, capture_output=True
    )
    with zipfile.ZipFile(next(out.glob("*.whl"))) as archive:
        return {
            name: archive.read(name).decode() if ".dist-info/" in name else ""
            for name in archive.namelist()
        }


def sources(package: str) -> set[str]:
    files = (
        path
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    return {path.relative_to(ROOT).as_posix() for path in files if not path.name.endswith(".part")}


def test_wheel_holds_exactly_the_five_packages(wheel: dict[str, str]) -> None:
    assert {name.split("/")[0] for name in wheel if ".dist-info/" not in name} == PACKAGES


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_wheel_holds_every_file_of_a_package(wheel: dict[str, str], package: str) -> None:
    assert sources(package) - wheel.keys() == set()
    assert f"{package}/py.typed" in wheel


def test_wheel_holds_no_tests(wheel: dict[str, str]) -> None:
    assert not [name for name in wheel if "test" in Path(name).name or "conftest" in name]


def test_wheel_states_licence_script_and_python(wheel: dict[str, str]) -> None:
    text = "\n".join(wheel.values())
    assert "MIT License" in text
    assert "gradbound = gradbound.cli:main" in text
    assert f"Requires-Python: {PROJECT['requires-python']}" in text


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_the_environment_gives_our_package(package: str) -> None:
    """`validate` is also a name that configobj installs: whoever installs both must hear of it."""
    owners = metadata.packages_distributions().get(
        package, ["gradbound"]
    )  # an editable install lists no packages
    assert set(owners) == {"gradbound"}
    assert importlib.import_module(package).__file__ == str(ROOT / package / "__init__.py")


def test_every_dependency_has_a_lower_bound_and_a_pinned_version_within_it() -> None:
    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    )
    pins = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins.items()}
    for requirement in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]:
        name, lower = requirement.split(">=")
        assert as_numbers(pins[name]) >= as_numbers(lower), requirement
    assert not [
        version for version in pins.values() if "+" in version
    ]  # a local version binds to one index


def as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def test_readme_names_only_targets_and_verbs_that_exist() -> None:
    from gradbound.cli import cli

    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE)) | set(
        re.findall(r"`make ([a-z-]+)", README)
    )
    assert {"reproduce", "test"} <= asked <= targets
    used = set(re.findall(r"^gradbound ([a-z-]+)", README, re.MULTILINE)) | set(
        re.findall(r"`gradbound ([a-z-]+)", README)
    )
    listed = set(
        re.findall(
            r"^\| `([a-z-]+)(?: \[[^\]]+\])?` \|",
            README[README.index("## The command line") :],
            re.MULTILINE,
        )
    )
    assert used <= listed == set(cli.commands)


def test_readme_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_readme_examples_run_in_their_order(tmp_path: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(examples) >= 3
    code = "\n".join(examples)
    # Not in the tree, in which they would leave what they save.
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    assert [each.name for each in tmp_path.iterdir()] == ["watch.json"]
