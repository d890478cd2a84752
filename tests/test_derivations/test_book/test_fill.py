"""Templates are filled with the document, and refuse what they do not know."""

import pytest
from jinja2 import UndefinedError
from jinja2.exceptions import TemplateAssertionError, TemplateNotFound

from derivations.book import fill as fill_module
from derivations.book.fill import fill


@pytest.fixture
def template(monkeypatch):
    """`template(source)` stands in for the file "page"."""
    from jinja2 import DictLoader

    def stand_in(source: str) -> None:
        monkeypatch.setattr(fill_module, "PackageLoader", lambda _: DictLoader({"page": source}))

    return stand_in


def test_values_filters_and_numbers_are_put_in(document, template):
    template("<!-- said nowhere -->\n{{ % {# <#1 << document.schema | loud >> << WIDTH >>\n")
    text = fill("page", document, {"loud": str.upper}, WIDTH=3)
    assert text == "{{ % {# <#1 GRADBOUND.DERIVE/1 3\n"


def test_blocks_leave_no_empty_lines(document, template):
    template("a\n  <% for reading in ['b', 'c'] %>\n<< reading >>\n  <% endfor %>\nd\n")
    assert fill("page", document, {}) == "a\nb\nc\nd\n"


def test_letters_are_those_of_the_document(document, template):
    template("<< document.steps[0] | letters >>|<< methods.values() | first >>")
    assert fill("page", document, {}) == "a, b|a"


@pytest.mark.parametrize("source", ["<< nobody >>", "<< document.nothing >>"])
def test_an_unknown_name_is_an_error(document, template, source):
    template(source)
    with pytest.raises(UndefinedError):
        fill("page", document, {})


def test_an_unknown_filter_or_template_is_an_error(document, template):
    template("<< document.schema | quietly >>")
    with pytest.raises(TemplateAssertionError, match="quietly"):
        fill("page", document, {})
    with pytest.raises(TemplateNotFound):
        fill("other", document, {})
