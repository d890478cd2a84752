"""Tells Sphinx how the pages of docs/ become a site; `make docs` runs it."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import made_pages  # noqa: E402  # it lies beside this file

from gradbound import __version__  # noqa: E402

project = "gradbound"
author = "The gradbound authors"
copyright = author  # noqa: A001  # Sphinx's name
version = release = __version__

extensions = ["sphinx.ext.autodoc", "sphinx_click", "myst_nb", "sphinx_copybutton"]
exclude_patterns = ["_made"]  # its figures are shown, its pages are not
html_theme = "furo"
html_title = f"gradbound {__version__}"
html_static_path: list[str] = []

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the tests run the notebooks; what is stored is what they print
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

autodoc_typehints = "description"
autodoc_member_order = "bysource"
suppress_warnings = ["ref.python"]  # a name that two rooms export is described in both

made_pages.write(HERE)


def setup(app: object) -> None:
    app.connect("autodoc-process-docstring", _plain)  # type: ignore[attr-defined]


def _plain(*event: object) -> None:
    """Docstrings are plain text with `code` in it: nothing else in them is markup."""
    lines = event[-1]
    lines[:] = _without_markup("\n".join(lines)).split("\n")  # type: ignore[index, arg-type]


def _without_markup(text: str) -> str:
    words, *rest = re.split(r"`([^`]+)`", text)
    parts = [_escaped(words)]
    for code, after in zip(rest[::2], rest[1::2], strict=True):
        parts += [f"``{code}``\\ ", _escaped(after)]
    return "".join(parts)


def _escaped(text: str) -> str:
    return re.sub(r"([*|\\]|_(?!\w))", r"\\\1", text)
