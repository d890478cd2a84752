"""Reads options that name a folder or a page."""

import os
from pathlib import Path

import click

from derivations.errors import InputError

PAGE = "report.html"


class Folder(click.Path):
    """A folder, there or not. Raises InputError for a file."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)
        self.name = "folder"

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        path = Path(value)
        if path.exists() and not path.is_dir():
            option = f" for {param.opts[0]}" if param else ""
            raise InputError(f"{path} is a file, not a folder: name a folder{option}")
        return path


def page_file(ctx: click.Context, option: click.Parameter, value: str) -> Path:
    """The file itself, or the page in a folder: one that is there, that ends in a slash, or whose
    name has no suffix while there is no such file.
    """
    path = Path(value)
    is_folder = path.is_dir() or value.endswith(("/", os.sep))
    if value and (is_folder or not (path.suffix or path.exists())):
        return path / PAGE
    return path
