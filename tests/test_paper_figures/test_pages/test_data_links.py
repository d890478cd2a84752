"""An address holds what it was made from."""

from urllib.parse import unquote

from paper_figures.pages.data_links import csv_link, data_link


def test_the_text_comes_back() -> None:
    text = 'a,"b, c"\n1,2 %&#<>\n'
    address = data_link("text/csv", text)
    assert unquote(address) == f"data:text/csv;charset=utf-8,{text}"
    assert not set(address) & set(' "<>#\n')


def test_spaces_in_an_image_are_made_one() -> None:
    assert unquote(data_link("image/svg+xml", "<a>\n  b</a>")).endswith(",<a> b</a>")


def test_a_link_names_its_file_and_escapes_its_words() -> None:
    link = csv_link("name", "a\n", "<b>")
    assert link.startswith('<a class="csv" download="name.csv" href="data:text/csv;')
    assert "of &lt;b&gt;" in link
