"""A result is laid out as one table, in text and as HTML, and says what it leaves out."""

from dataclasses import dataclass
from html.parser import HTMLParser

from derivations.algebra.showing import ROWS, WIDTH, Showing, Shown, shown_html, shown_text

TABLE = Showing("Numbers", ("", "value"), (("a", "1"), ("long <b>", "2")), ("a note & more",))


def test_columns_are_as_wide_as_their_longest_cell():
    assert shown_text(TABLE).splitlines() == [
        "Numbers",
        "            value",
        "  a         1",
        "  long <b>  2",
        "a note & more",
    ]


def test_a_long_cell_pushes_its_own_line_alone():
    rows = (("x" * (WIDTH + 9), "1"), ("y", "2"))
    lines = shown_text(Showing("", ("", "n"), rows)).splitlines()
    assert lines[3] == f"  {'y':<{WIDTH}}  2"


def test_the_html_is_whole_and_escaped():
    seen: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: seen.append(tag)  # type: ignore[method-assign]
    html = shown_html(TABLE)
    parser.feed(html)
    assert seen.count("tr") == 3
    assert seen.count("td") == 4
    assert "long &lt;b&gt;" in html
    assert "a note &amp; more" in html


def test_what_is_left_out_is_counted():
    table = Showing("", ("n",), tuple((str(n),) for n in range(ROWS + 7)))
    for text in (shown_text(table), shown_html(table)):
        assert "… and 7 more" in text
    assert "more" not in shown_text(table, None)
    assert str(ROWS + 6) in shown_text(table, None)


@dataclass(frozen=True, repr=False)
class Found(Shown):
    value: int

    def showing(self) -> Showing:
        return Showing("Found", ("value",), ((str(self.value),),))


def test_a_result_prints_itself():
    found = Found(3)
    assert repr(found) == str(found) == "Found\n  value\n  3"
    assert found._repr_html_().startswith("<table>")
