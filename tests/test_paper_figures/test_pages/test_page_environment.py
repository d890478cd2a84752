"""What is put into a page is escaped, and what is missing is no empty string."""

import pytest
from jinja2 import UndefinedError

from paper_figures.pages.page_environment import environment


def test_values_are_escaped():
    assert environment().from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"


def test_a_missing_value_is_an_error():
    with pytest.raises(UndefinedError):
        environment().from_string("{{ x }}").render()


def test_formulas_become_mathml():
    made = environment().from_string("{{ x | math }} {{ x | inline_math }} {{ x | prose }}")
    text = made.render(x="F_l")
    assert 'display="block"' in text
    assert 'display="inline"' in text
    assert "F<sub>l</sub>" in text


def test_both_templates_are_there():
    names = environment().list_templates()
    assert {"model.html.j2", "report.html.j2"} <= set(names)
