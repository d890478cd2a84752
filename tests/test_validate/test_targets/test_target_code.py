"""Tests the user's code: what it makes is returned, and where it fails is told in one line."""

import sys

import pytest
from torch import nn

from derivations.errors import InputError
from validate.targets.target_code import from_file, from_package

HEAD = "from torch import nn\n"


@pytest.fixture
def write(tmp_path):
    def at(text, name="net.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    return at


def refusal(file, name=""):
    with pytest.raises(InputError) as caught:
        from_file(file, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_function_a_class_and_a_module_are_taken(write):
    file = write(
        HEAD + "class Net(nn.Identity): pass\nclass Names: make = Net\n"
        "def net(size=3): return nn.Linear(size, size)\nready = nn.ReLU()"
    )
    assert type(from_file(file, "Net")).__name__ == "Net"
    assert type(from_file(file, "Names.make")).__name__ == "Net"
    assert from_file(file, "net").in_features == 3
    assert isinstance(from_file(file, "ready"), nn.ReLU)


@pytest.mark.parametrize(
    "body",
    [
        "def net(): return nn.ReLU()",
        "def net() -> nn.Module: return nn.ReLU()",
        "def net() -> tuple[nn.Module, int]: return nn.ReLU()\ndef size() -> int: return 3",
        "def net(size=2, *rest, **more): return nn.ReLU()\ndef other(size): return nn.ReLU()",
        "class Net(nn.ReLU): pass\nclass Block(nn.Module):\n    def __init__(self, n): pass",
        "def net(): return nn.ReLU()\ndef _help(): return nn.ReLU()\nready = nn.ReLU()",
        "def net() -> 'Unknown': return nn.ReLU()\nclass Plain: pass",
    ],
)
def test_the_only_maker_needs_no_name(write, body):
    assert isinstance(from_file(write(HEAD + body), ""), nn.ReLU)


def test_several_makers_are_listed(write):
    file = write(HEAD + "class Net(nn.ReLU): pass\ndef make(): return Net()\ndef no() -> int: ...")
    assert "holds 2 functions and classes that may make a module (Net, make)" in refusal(file)
    assert "holds 0 functions and classes that may make a module (none)" in refusal(write("x = 1"))


def test_neighbours_are_imported_either_way(write):
    write(HEAD + "class Layer(nn.ReLU): pass", "layers.py")
    write("from ..net import SIZE", "parts/inner.py")
    file = write(
        "from .layers import Layer\nfrom . import layers\nimport layers as plain\nSIZE = 3\n"
        "from .parts.inner import SIZE as again\n"
        "def net():\n    import layers\n    return Layer()"
    )
    assert type(from_file(file, "net")).__name__ == "Layer"


def test_neighbours_of_one_folder_are_not_those_of_another(write):
    for folder in ("a", "b"):
        write(f"NAME = {folder!r}", f"{folder}/neighbour.py")
        write(f"NAME = {folder!r}", f"{folder}/package/inside.py")
        write("", f"{folder}/package/__init__.py")
    text = (
        "import neighbour, package.inside\ndef names(): return neighbour.NAME, package.inside.NAME"
    )
    path, modules = list(sys.path), set(sys.modules)
    assert from_file(write(text, "a/net.py"), "names") == ("a", "a")
    assert from_file(write(text, "b/net.py"), "names") == ("b", "b")
    assert sys.path == path
    assert all(name.startswith("gradbound_target_") for name in set(sys.modules) - modules)


def test_a_folder_that_is_importable_anyway_keeps_its_modules(write, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    write("", "kept_neighbour.py")
    from_file(write("import kept_neighbour\ndef net(): return 1"), "net")
    assert sys.modules.pop("kept_neighbour")


def test_each_import_is_anew(write):
    assert from_file(write("def net(): return 1"), "net") == 1
    assert from_file(write("def net(): return 22"), "net") == 22


def test_classes_find_their_module_later(write):
    file = write(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Size:\n    n: int = 3\ndef net(): return Size()"
    )
    made = from_file(file, "net")
    assert sys.modules[type(made).__module__].Size is type(made)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("x = 1\ndef net(:\n", 2, "SyntaxError: invalid syntax"),
        ("\n\nimport nowhere_at_all", 3, "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("from ..up import x", 1, "ImportError: attempted relative import beyond"),
        ("\nraise ValueError('first\\nsecond')", 2, "ValueError: first)"),
        ("import sys\nsys.exit(3)", 2, "SystemExit: 3"),
        ("def net():\n    return 1 / 0", 2, "ZeroDivisionError: division by zero"),
        ("import torch\ndef net():\n    torch.ones(2) @ torch.ones(3)", 3, "RuntimeError: incons"),
        ("from derivations.errors import InputError\nraise InputError('no')", 2, "InputError: no"),
        ("def net(): return net()", 1, "RecursionError"),
    ],
)
def test_an_error_inside_is_named_with_its_line(write, text, line, reason):
    file = write(text)
    before = set(sys.modules)
    said = refusal(file, "net")
    assert f"fails at {file}:{line} ({reason}" in said
    assert said.endswith("mend it, or name another target")
    if "def net():" not in text:
        assert not [name for name in set(sys.modules) - before if "gradbound_target" in name]


def test_an_error_in_a_neighbour_is_named_there(write):
    there = write("\n\n1 / 0", "layers.py")
    assert f"fails at {there}:3 (ZeroDivisionError" in refusal(write("import layers"), "net")


def test_an_interruption_goes_through(write):
    with pytest.raises(KeyboardInterrupt):
        from_file(write("raise KeyboardInterrupt"), "net")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nett", "has no 'nett': did you mean 'net'?"),
        ("zzz", "has no 'zzz': choose from net, wide"),
        ("net.deep", "has no 'net.deep': "),
        ("SIZE", "SIZE is of type int: name a function that returns a module"),
        ("wide", "wide needs arguments (width, depth): write a function without any"),
    ],
)
def test_a_name_that_is_no_maker_is_refused(write, name, words):
    file = write("SIZE = 3\ndef net(): ...\ndef wide(width, *, depth): ...")
    assert words in refusal(file, name)


def test_places_that_hold_no_file_are_refused(tmp_path):
    assert "there is no file" in refusal(str(tmp_path / "net.py"))
    (tmp_path / "folder.py").mkdir()
    assert "is no regular file" in refusal(str(tmp_path / "folder.py"))


def test_a_package_is_imported_as_it_is(write, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    write("", "target_package/__init__.py")
    write("def net(): return 7\ndef bad(): return 1 / 0", "target_package/net.py")
    broken = write("import nowhere_at_all", "target_package/broken.py")
    assert from_package("target_package.net", "net") == 7
    with pytest.raises(InputError, match=r"net\.py:2 \(ZeroDivisionError"):
        from_package("target_package.net", "bad")
    with pytest.raises(InputError) as caught:
        from_package("target_package.broken", "net")
    assert f"fails at {broken}:1 (ModuleNotFoundError" in str(caught.value)
    for name in [key for key in sys.modules if key.startswith("target_package")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("package", "name", "words"),
    [
        ("nowhere_at_all", "net", "no module 'nowhere_at_all' can be imported: install it, or"),
        ("torch.nn.nowhere", "net", "no module 'torch.nn.nowhere' can be imported"),
        ("my-package", "net", "my-package:net names no function: write package.module:CALLABLE"),
        (".torch", "net", "names no function"),
        ("", "net", "names no function"),
        ("torch", "", "names no function"),
        ("torch.nn", "Linear", r"torch.nn:Linear needs arguments \(in_features, out_features\)"),
        ("torch.nn", "Relu", "torch.nn has no 'Relu': did you mean 'ReLU'"),
    ],
)
def test_a_package_that_gives_nothing_is_refused(package, name, words):
    with pytest.raises(InputError, match=words):
        from_package(package, name)
