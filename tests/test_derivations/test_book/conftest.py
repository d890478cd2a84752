"""Derives the whole document once for all tests of the book."""

from dataclasses import replace

import pytest

from derivations.book.derive import derive
from derivations.book.document import Document
from derivations.book.text import FORMATS, render


@pytest.fixture(scope="session")
def document() -> Document:
    """Every block, equation and theorem."""
    return derive()


@pytest.fixture(scope="session")
def printed(document: Document) -> dict[str, str]:
    """The document in every format."""
    return {form: render(document, form) for form in FORMATS}


@pytest.fixture(scope="session")
def failed(document: Document) -> Document:
    """The document, as it would be if no check of its first step had passed."""
    block = document.blocks[0]
    step = block.steps[0]
    wrong = replace(step, checks=tuple(replace(check, ok=False) for check in step.checks))
    broken = replace(block, steps=(wrong, *block.steps[1:]))
    return replace(document, ok=False, blocks=(broken, *document.blocks[1:]))
