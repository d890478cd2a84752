"""Runs the user's code that makes a model: a function or class in a file or in a package.

Whatever goes wrong in it is an InputError of one line that names the file and the line.
"""

import importlib
import importlib.util
import inspect
import itertools
import sys
import traceback
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from types import ModuleType

from torch import nn

from derivations.errors import InputError, nearest

_LONGEST = 300
_counter = itertools.count(1)


def from_file(file: str, name: str) -> object:
    """What `name` in a file returns, called without arguments; a module of that name, as it is.

    With an empty name, what the only function or class there returns that can make a module. The
    file is imported anew, under a name of its own; while it is imported and called, its folder is
    where imports look first, and `from .` means that folder. Raises InputError.
    """
    path = Path(file)
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no regular file: write FILE.py:CALLABLE")
    if not path.exists():
        raise InputError(f"there is no file {path}: write FILE.py:CALLABLE")
    path = path.resolve()
    with _folder_first(path.parent):
        module = _import_file(path)
        return _call(module, name or _only_maker(module, path), str(path), path.parent)


def from_package(package: str, name: str) -> object:
    """The same for a name in an importable module, such as `package.module`; raises InputError."""
    if not all(part.isidentifier() for part in package.split(".")) or not name:
        raise InputError(f"{package}:{name} names no function: write package.module:CALLABLE")
    try:
        with _reported(package, None):
            module = importlib.import_module(package)
    except InputError as error:
        cause = error.__cause__
        # Not what it imports in turn: that is an error inside it.
        if isinstance(cause, ModuleNotFoundError) and f"{package}.".startswith(f"{cause.name}."):
            raise InputError(
                f"no module {cause.name!r} can be imported: install it, or write FILE.py:CALLABLE"
            ) from cause
        raise
    return _call(module, name, package, Path(module.__file__ or "").parent)


def _import_file(path: Path) -> ModuleType:
    package = f"gradbound_target_{next(_counter)}"
    parent = ModuleType(package)
    parent.__path__ = [str(path.parent)]
    name = f"{package}.{path.stem.replace('.', '_')}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # They stay: dataclasses, for one, look up the module of a class by its name.
    sys.modules |= {package: parent, name: module}
    try:
        with _reported(str(path), path.parent):
            spec.loader.exec_module(module)
    except InputError:
        for each in [key for key in sys.modules if key.partition(".")[0] == package]:
            del sys.modules[each]
        raise
    return module


def _call(module: ModuleType, name: str, source: str, folder: Path) -> object:
    try:
        made: object = attrgetter(name)(module)
    except AttributeError as error:
        names = [key for key, value in vars(module).items() if callable(value) and key[:1] != "_"]
        near = nearest(name, names)
        hint = f"did you mean {near!r}?" if near else f"choose from {', '.join(names) or 'none'}"
        raise InputError(f"{source} has no {name!r}: {hint}") from error
    if isinstance(made, nn.Module):
        return made
    if not callable(made):
        raise InputError(
            f"{source}:{name} is of type {type(made).__name__}: name a function that returns a "
            "module"
        )
    if needed := _needed(made):
        raise InputError(
            f"{source}:{name} needs arguments ({', '.join(needed)}): write a function without any "
            "that returns the module"
        )
    with _reported(f"{source}:{name}", folder):
        return made()


def _only_maker(module: ModuleType, path: Path) -> str:
    names = _makers(module)
    if len(names) != 1:
        raise InputError(
            f"{path} holds {len(names)} functions and classes that may make a module "
            f"({', '.join(names) or 'none'}): write {path.name}:CALLABLE"
        )
    return names[0]


def _makers(module: ModuleType) -> list[str]:
    """The public functions and modules' classes defined there that need no arguments."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
        and callable(value)
        and _may_make_module(value)
        and not _needed(value)
    ]


def _may_make_module(value: Callable[..., object]) -> bool:
    """A function that does not say what it returns may: only a call would tell."""
    if isinstance(value, type):
        return issubclass(value, nn.Module)
    if isinstance(value, nn.Module):
        return False
    try:
        said = typing.get_type_hints(value).get("return", typing.Any)
    except Exception:  # noqa: BLE001, an annotation may name anything
        return True
    if typing.get_origin(said) is tuple:
        said = (*typing.get_args(said), None)[0]
    return said is typing.Any or (isinstance(said, type) and issubclass(said, nn.Module))


def _needed(function: Callable[..., object]) -> list[str]:
    """The arguments without which it cannot be called, as far as it tells."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [
        each.name
        for each in parameters
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]


@contextmanager
def _folder_first(folder: Path) -> Iterator[None]:
    path, before = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()  # a file made in this second may be missed
    try:
        yield
    finally:
        sys.path[:] = path
        if folder not in {Path(each).resolve() for each in path}:
            _forget_neighbours(folder, before)


def _forget_neighbours(folder: Path, before: set[str]) -> None:
    """Else the file of another folder would get this one's modules where the names are the same."""
    tops = {name.partition(".")[0] for name in sys.modules} - {
        name.partition(".")[0] for name in before
    }
    for top in tops:
        module = sys.modules.get(top)
        places = {getattr(module, "__file__", None), *getattr(module, "__path__", ())}
        if places & {str(folder / f"{top}.py"), str(folder / top)}:
            for name in [key for key in sys.modules if key.partition(".")[0] == top]:
                del sys.modules[name]


@contextmanager
def _reported(source: str, folder: Path | None) -> Iterator[None]:
    """Turns whatever is raised into InputError, also a script that exits; an interruption not."""
    try:
        yield
    except (Exception, SystemExit) as error:
        reason = next(iter(str(error).splitlines()), "")[:_LONGEST]
        if isinstance(error, SyntaxError):
            reason = error.msg
        raise InputError(
            f"{source} fails at {_place(error, folder)} ({type(error).__name__}: {reason}): mend "
            "it, or name another target"
        ) from error


def _place(error: BaseException, folder: Path | None) -> str:
    """FILE:LINE of the innermost frame in the folder or, without such a frame, of the outermost."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen ")
        and frame.filename not in (__file__, importlib.__file__)
    ]
    own = [frame for frame in frames if Path(frame.filename).parent == folder]
    nearest = [*frames[:1], *own][-1:]
    return "".join(f"{frame.filename}:{frame.lineno}" for frame in nearest) or "its import"
