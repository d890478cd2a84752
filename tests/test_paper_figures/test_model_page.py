"""The page of an analysis is one safe file; the printed analysis shows itself."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from printed import analysis, block

from paper_figures.model_page import (
    PrintedAnalysis,
    PrintedComparison,
    breakable,
    fragment,
    page,
    pdf,
)
from validate.analysis.analysis_document import BoundValue, ParameterRecord, Spread


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
    assert not re.search(r"src=|href=\"(?!#gb-)", text)
    body = text[text.index("<div") : text.index("</body>")].replace("&nbsp;", " ")
    ElementTree.fromstring(body.strip())
    assert "net_&lt;1&gt;" in text
    assert "a &lt;remark&gt;" in text
    assert "<1>" not in text


def test_the_pdf_is_a_file_with_a_page_for_each(tmp_path: Path):
    target = tmp_path / "net.pdf"
    PrintedAnalysis.from_plain(analysis()).pdf(target)
    assert target.read_bytes() == pdf(analysis())
    assert len(re.findall(rb"/Type /Page\b", pdf(analysis(), analysis()))) == 2


def test_every_block_has_its_bar_its_formula_and_its_class():
    text = fragment(analysis())
    for name, kind in (("far", "none"), ("dying", "dead"), ("weak", "low"), ("fine", "good")):
        assert re.search(
            rf'<details class="{kind}" id="[\w-]+">\s*<summary><span class="name">{name}<', text
        )
    assert text.count("<math") == 4
    assert "a_b..c" in text
    assert text.index(">dying</a>") < text.index(">weak</a>") < text.index('name">far<')


def test_the_sentence_stands_on_top():
    text = page(analysis())
    assert text.index("The gradient dies in dying") < text.index("The network, from input")


def test_links_lead_to_places_on_the_page_and_each_drawing_is_there_once():
    text = page(analysis())
    ids = re.findall(r'id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    links = re.findall(r'href="#([^"]+)"', text)
    assert set(links) <= set(ids)
    assert text.count("<symbol") == 1  # four blocks of one term with the same names
    assert text.count("<use") == 4


def test_a_page_of_200_blocks_stays_small():
    blocks = tuple(block(index, f"stage.{index}.block", 1.0 + index / 100) for index in range(200))
    text = page(replace(analysis(), blocks=blocks))
    assert len(text.encode()) < 1_000_000
    assert text.count("<use") == 200
    assert text.count("<symbol") == 1


def test_what_measured_and_predicted_mean_is_said():
    text = fragment(analysis())
    assert "predicts 0; the two share no code" in text
    assert "each computed from that block's own term run alone" in text


def test_a_long_path_breaks_behind_its_dots():
    assert breakable("a.b_c.<d>_") == "a.<wbr/>b_<wbr/>c.<wbr/>&lt;d&gt;_"


def test_several_analyses_share_a_page_and_an_axis():
    fine = replace(analysis("two"), blocks=analysis().blocks[3:])
    text = page(analysis("one"), fine)
    assert text.count("<h1>") == 3  # one above both
    assert text.count("<!DOCTYPE") == 1
    axes = re.findall(r'<span class="ticks">.*?</span></span>', text)
    assert len(axes) == 2
    assert len(set(axes)) == 1
    assert text.count('aria-label="Legend"') == 1
    assert "side by side" not in page(fine)


def test_names_of_modules_keep_their_underscores():
    text = fragment(replace(analysis(), blocks=analysis().blocks[3:]))
    assert "a_b..c" in re.sub(r"<code>.*?</code>|= a_b..c", "", text)


def test_an_average_is_no_loss_on_the_page():
    pool = replace(block(0, "pool", 0.0312), averaged=1024)
    said = page(replace(analysis(), blocks=(pool, block(1, "fine", 1.0))))
    assert 'class="good" id="gb-' in said
    assert "average over 1,024 entries: 1/√1,024 = 0.031 by construction, no loss" in said
    assert "Where the gradient is lost" not in said


def test_kinds_are_explained_where_they_stand_and_in_a_list():
    said = page(analysis())
    assert '<span class="kind" title="a skip and a branch are added: x + F(x)">residual' in said
    assert "<dt>residual</dt><dd>a skip and a branch are added: x + F(x)</dd>" in said
    assert "<dt>state</dt>" not in said


def test_an_advice_begins_with_a_capital():
    assert ". Scale it" in page(analysis())


def test_what_makes_a_constant_is_listed_though_no_signal_reaches_it():
    first = replace(analysis().blocks[0], constant=True, lost_by="it gives the same")
    said = page(replace(analysis(), blocks=(first, *analysis().blocks[1:])))
    assert ">far</a> (residual): it gives the same" in said


def test_blocks_that_differ_are_on_the_page_of_two(tmp_path: Path):
    other = replace(analysis("other"), blocks=(*analysis().blocks[:3], block(3, "fine", 6.0)))
    PrintedComparison((analysis(), other)).html(tmp_path / "two.html")
    said = (tmp_path / "two.html").read_text()
    assert "<h2>net_&lt;1&gt; and other differ in 1 of 4 blocks</h2>" in said
    assert "4 times the gain" in said
    assert "differ in" not in page(analysis())
    PrintedComparison((analysis(), other)).pdf(tmp_path / "two.pdf")
    assert (tmp_path / "two.pdf").read_bytes().startswith(b"%PDF")
    assert PrintedComparison((analysis(),))._repr_html_() == fragment(analysis())


def test_what_parameters_get_whatever_the_loss_stands_beside_their_gradients():
    def ends(low: float, high: float | None, name: str) -> tuple[BoundValue, BoundValue]:
        least = BoundValue(name, "lower", low, "exact", "", None)
        return least, BoundValue(name, "upper", high, "exact", "", None)

    bounds = (*ends(0.25, 4.0, "every_loss.all"), *ends(0.5, None, "every_loss.shift_invariant"))
    one = ParameterRecord("one", 1.0, 1.0, Spread(0.5, 0.75, 1.0), bounds)
    found = replace(analysis(), parameters=(one, ParameterRecord("other", 2.0, None)))
    text = fragment(found)
    assert "<th>for every loss</th>" in text
    assert "<td>0.75</td><td>0.25 … 4</td><td>0.5 … ∞</td>" in text
    assert "for every loss</th>" not in fragment(analysis())
