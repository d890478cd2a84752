"""Documents are written as files: every format as it is printed, each block's diagram beside."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from derivations.book.arrange import diagram
from derivations.book.derive import derive
from derivations.book.document import Document
from derivations.book.text import render
from derivations.errors import InputError
from gradbound.files import write_audit, write_derivations
from validate.audit.audit_document import SCHEMA as AUDIT_SCHEMA
from validate.audit.audit_document import Audit
from validate.audit.how_to_read import GUIDE


@pytest.fixture(scope="module")
def document() -> Document:
    return derive(["plain", "residual"])


def test_every_format_and_every_diagram_is_written(document: Document, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    write_derivations(document, out)
    for form, suffix in (("latex", "tex"), ("markdown", "md"), ("json", "json")):
        assert (out / f"derivations.{suffix}").read_text() == render(document, form)
    written = {str(path.relative_to(out)) for path in out.rglob("*.*")}
    blocks = ("plain", "residual")
    diagrams = {diagram(name, suffix) for name in blocks for suffix in ("pdf", "svg")}
    assert written == {"derivations.tex", "derivations.md", "derivations.json", *diagrams}
    assert (out / diagram("plain", "pdf")).read_bytes().startswith(b"%PDF")
    assert b"<text" not in (out / diagram("plain", "svg")).read_bytes()  # outlined


def test_the_book_looks_for_its_diagrams_where_they_are(document: Document, tmp_path: Path) -> None:
    write_derivations(replace(document, blocks=document.blocks[:2]), tmp_path)
    for suffix, book in (("pdf", "tex"), ("svg", "md")):
        name = diagram("plain", suffix)
        assert name in (tmp_path / f"derivations.{book}").read_text()
        assert (tmp_path / name).exists()


def test_an_audit_is_written_in_every_format(tmp_path: Path) -> None:
    write_audit(Audit(AUDIT_SCHEMA, ()), tmp_path / "audit")
    names = {path.name for path in (tmp_path / "audit").iterdir()}
    assert names == {"audit.tex", "audit.md", "audit.json"}
    assert json.loads((tmp_path / "audit" / "audit.json").read_text()) == {
        "schema": AUDIT_SCHEMA,
        "claims": [],
        "guide": dict(GUIDE),
    }


def test_a_file_in_the_way_is_named_and_kept(document: Document, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    for write, written in ((write_derivations, document), (write_audit, Audit(AUDIT_SCHEMA, ()))):
        with pytest.raises(InputError, match=str(file)):
            write(written, file)  # type: ignore[operator]
    assert file.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [file]
