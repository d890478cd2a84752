"""Words are linked where a section first uses them, and nowhere else."""

import re

import pytest
from markupsafe import Markup

from paper_figures.pages.glossary import ENTRIES, linked, words

WANTED = ("gain", "term", "reading", "telescoping", "delta", "alignment", "certificate", "held")


def links(text: str) -> list[str]:
    return re.findall(r'href="#word-([\w-]+)"', linked(Markup(text)))


def test_every_word_that_a_reader_may_lack_is_there() -> None:
    assert set(WANTED) <= words().keys()
    assert len(words()) == len(ENTRIES)


def test_the_first_use_of_each_section_is_linked() -> None:
    text = '<section id="a"><p>A gain, a gain.</p></section><section id="b">gains</section>'
    assert links(text) == ["gain", "gain"]
    assert linked(Markup(text)).startswith(
        '<section id="a"><p>A <a class="word" href="#word-gain">gain</a>, a gain.'
    )


@pytest.mark.parametrize("tag", ["a", "h2", "summary", "code", "math", "caption", "figcaption"])
def test_headings_links_and_code_are_left_alone(tag: str) -> None:
    assert links(f"<{tag}>the gain</{tag}>") == []
    assert links(f"<{tag}>x</{tag}> the gain") == ["gain"]


def test_the_glossary_is_not_linked_to_itself() -> None:
    assert links('<section id="glossary">a gain</section>') == []


def test_parts_of_words_are_no_words() -> None:
    assert links("<p>regains, gain-like-not again</p>") == ["gain"]
    assert links("<p>against</p>") == []


def test_nothing_but_links_is_added() -> None:
    text = '<section><p title="gain">bounds of a gain &amp; its term, exact.</p></section>'
    assert re.sub(r'<a class="word"[^>]*>|</a>', "", linked(Markup(text))) == text


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_word_can_be_found(entry) -> None:
    assert re.compile(entry.written)
    assert entry.meaning.endswith((".", ")."))
