"""A formula is set in pieces: none is lost, breaks are where a reader expects them."""

import re

import pytest

from paper_figures.mathml import mathml
from paper_figures.pages.formula_lines import NARROW, formula

SUM = r"\gamma \ge a + b - c"
PARTS = ", ".join(rf"\sigma_{{\max}}(J_{{F_{n}}}) + t" for n in range(6))
LIST = rf"\max\left({PARTS}\right)"


def letters(html: str) -> str:
    return re.sub(r"<[^>]*>|\s", "", html)


@pytest.mark.parametrize("latex", [SUM, LIST, r"\left(a + b\right)^{2}", r"x = \frac{a}{b}", "1"])
def test_nothing_is_lost(latex: str) -> None:
    assert letters(formula(latex)) == letters(mathml(latex))


def test_lines_may_end_before_relations_and_sums() -> None:
    pieces = [letters(each) for each in formula(SUM).split("<wbr>")]
    assert pieces == ["γ", "≥a", "+b", "−c"]


def test_a_sign_stays_with_what_it_changes() -> None:
    assert [letters(each) for each in formula("x = -a").split("<wbr>")] == ["x", "=−a"]


def test_short_parentheses_stay_whole_and_long_ones_are_opened() -> None:
    assert "<wbr>" not in formula(r"f\left(a + b\right)")
    assert formula(LIST).count("<wbr>") >= 6
    assert 'class="long"' not in formula(LIST)


def test_what_cannot_be_broken_scrolls_in_a_box_that_the_keyboard_reaches() -> None:
    wide = r"\sqrt{" + " + ".join(f"x_{n}" for n in range(9, 9 + NARROW)) + "}"
    assert '<span class="long" tabindex="0" role="group"' in formula(wide)


def test_what_cannot_be_converted_is_shown_as_source() -> None:
    assert formula(r"\nosuchthing{<b>}") == (
        r'<div class="formula"><code>\nosuchthing{&lt;b&gt;}</code></div>'
    )
