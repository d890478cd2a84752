"""Makes the contents of a page from its headings: each that has an address, nested by its rank."""

import re
from dataclasses import dataclass, field

from markupsafe import Markup

_HEADING = re.compile(r'<h([2-4])\b[^>]*?\bdata-to="([^"]+)"[^>]*>(.*?)</h\1>', re.DOTALL)
_ASIDE = re.compile(r'<span class="(?:badge|aside)[^"]*">.*?</span>|<a class="(?:csv|word)".*?</a>')


@dataclass
class Heading:
    """A heading: its rank (2 to 4), where it is, its words, and what stands below it."""

    rank: int
    to: str
    words: Markup
    below: list["Heading"] = field(default_factory=list)


def contents(body: str) -> list[Heading]:
    """The headings of a page that say where they lead (`data-to`), as a tree."""
    top: list[Heading] = []
    path: list[Heading] = []
    for rank, to, inside in _HEADING.findall(body):
        words = Markup(re.sub(r"<[^>]*>", "", _ASIDE.sub("", inside)).strip())  # escaped there
        made = Heading(int(rank), to, words)
        while path and path[-1].rank >= made.rank:
            path.pop()
        (path[-1].below if path else top).append(made)
        path.append(made)
    return top
