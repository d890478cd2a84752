"""The page of an analysis is one safe file; the printed analysis shows itself."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from printed import analysis

from paper_figures.model_page import PrintedAnalysis, decades, fragment, page, place, reading, ticks


def test_a_printed_analysis_is_the_analysis():
    found = PrintedAnalysis.from_plain(analysis())
    assert str(found).startswith("net_<1>")
    assert repr(found) == str(found)
    assert PrintedAnalysis.of(found.json()) == found
    assert found.latex().startswith(r"\begin{tabular}")
    assert "<html" not in found._repr_html_()


def test_the_page_is_well_formed_and_asks_nothing_of_the_network(tmp_path: Path):
    target = tmp_path / "page.html"
    PrintedAnalysis.from_plain(analysis()).html(target)
    text = target.read_text()
    assert "default-src 'none'" in text
    assert not re.search(r"(src|href)=", text)
    body = text[text.index("<div") : text.index("</body>")].replace("&nbsp;", " ")
    ElementTree.fromstring(body.strip())
    assert "net_&lt;1&gt;" in text
    assert "a &lt;remark&gt;" in text
    assert "<1>" not in text


def test_every_block_has_its_bar_its_formula_and_its_class():
    text = fragment(analysis())
    for name, kind in (("far", "none"), ("dying", "dead"), ("weak", "low"), ("fine", "good")):
        assert re.search(rf'<details class="{kind}">\s*<summary><span class="name">{name}<', text)
    assert text.count("<math") == 4
    assert "a_b..c" in text
    assert text.index("<strong>dying</strong>") < text.index("<strong>weak</strong>")


def test_several_analyses_share_a_page():
    text = page(analysis("one"), analysis("two"))
    assert text.count("<h1>") == 2
    assert text.count("<!DOCTYPE") == 1


@pytest.mark.parametrize(
    ("gain", "reach", "at"),
    [
        (1, 3, 50),
        (1e-3, 3, 0),
        (1e3, 3, 100),
        (10, 2, 75),
        (0, 3, 0),
        (1e9, 3, 100),
        (None, 3, 100),
    ],
)
def test_gains_stand_on_a_logarithmic_axis(gain, reach, at):
    assert place(gain, reach) == pytest.approx(at)


def test_the_axis_reaches_what_it_shows():
    assert decades(analysis()) == 2  # the least gain that is not 0 is 0.0625
    fine = replace(analysis(), blocks=analysis().blocks[3:])
    assert decades(fine) == 1
    assert [label for label, _ in ticks(1)] == ["0.1", "1", "10"]
    assert len(ticks(6)) == 7


def test_gains_are_read_as_words():
    words = [reading(block) for block in analysis().blocks]
    assert words == ["none", "dead", "low", "good"]
