"""Contents are the headings that say where they lead, nested by rank."""

from paper_figures.pages.contents import contents

BODY = """
<h2 id="x" data-to="one">One</h2><h3 data-to="a">A <span class="badge holds">ok</span></h3>
<h3 data-to="b"><b>B</b> &lt;</h3><h2 data-to="two">Two</h2><h3>silent</h3>
"""


def test_headings_are_nested_and_asides_left_out() -> None:
    one, two = contents(BODY)
    assert [(each.to, each.words) for each in (one, *one.below, two)] == [
        ("one", "One"), ("a", "A"), ("b", "B &lt;"), ("two", "Two"),
    ]  # fmt: skip
    assert two.below == []
