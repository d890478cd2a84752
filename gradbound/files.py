"""Writes documents as files, each whole or not at all.

Imports neither torch nor matplotlib.
"""

from dataclasses import asdict
from pathlib import Path

from derivations.document import Document
from derivations.typeset import render
from validate.audit.document import Audit
from validate.audit.typeset import render as render_audit
from validate.storage import make_folder, write_atomic

SUFFIXES = {"latex": "tex", "markdown": "md", "json": "json"}


def write_derivations(document: Document, out: Path) -> None:
    """Writes derivations.tex, derivations.md and derivations.json into the folder; raises InputError where it cannot."""
    make_folder(out)
    for form, suffix in SUFFIXES.items():
        write_atomic(out / f"derivations.{suffix}", render(asdict(document), form).encode())


def write_audit(audit: Audit, out: Path) -> None:
    """Writes audit.tex, audit.md and audit.json into the folder; raises InputError where it cannot."""
    make_folder(out)
    for form, suffix in SUFFIXES.items():
        write_atomic(out / f"audit.{suffix}", render_audit(audit, form).encode())
