"""Fills the templates of the book with a document."""

from collections.abc import Callable, Mapping
from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined

from derivations.book import arrange, lookup
from derivations.book.document import Document
from derivations.book.shown_lines import brief, shown

Filter = Callable[..., str]


def fill(template: str, document: Document, filters: Mapping[str, Filter], **values: str) -> str:
    """The template as text. Its filters turn plain text and LaTeX into what the format prints."""
    known = arrange.methods(document)
    environment = Environment(
        loader=PackageLoader("derivations.book"),
        # Jinja's own marks {{ and {# occur in LaTeX, and so does <# where lengths are compared.
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<!--",
        comment_end_string="-->",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    letters = partial(arrange.letters_of, known=known)
    environment.filters |= {**filters, "letters": letters, "shown": shown, "brief": brief}
    return environment.get_template(template).render(
        document=document, arrange=arrange, lookup=lookup, methods=known, **values
    )
