"""Long formulas are broken where a reader would break them, and nothing of them is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derivations.book.line_breaks import glyphs, lines, pieces

SUM = (
    r"\gamma \le \sigma_{\max}(J_{F}) \sigma_{\max}(P) + \sigma_{\max}(\operatorname{diag}(u) - "
    r"\operatorname{diag}(x)) - 1"
)
NESTED = (
    r"\left(g + \left(\operatorname{diag}(Bs) J_{F} + \operatorname{diag}(u) B\right)^{\top} "
    r"g\right)^{\top} \left(g + h\right) = 0"
)


def rejoined(latex: str, width: int) -> str:
    joined = "".join(piece.latex for piece in pieces(latex, width))
    return joined.replace(r"\bigl(", r"\left(").replace(r"\bigr)", r"\right)")


@pytest.mark.parametrize(
    "latex",
    [
        SUM,
        NESTED,
        r"\sqrt{1 - \min\left(0, c\right)^{2}}",
        r"\max\left(0, - a - b, c + d + e + f\right)",
        "g",
    ],
)
@pytest.mark.parametrize("width", [5, 20, 40])
def test_nothing_is_lost(latex, width):
    assert rejoined(latex, width) == latex


ATOMS = st.sampled_from(
    [
        "a",
        r"J_{F}^{\top}",
        r"\sigma_{\max}(P)",
        r"\frac{\partial L}{\partial x}",
        r"\operatorname{diag}(x - 1)",
        "g",
    ]
)
FORMULAS = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=4).map(" + ".join)
        | st.lists(inner, min_size=2, max_size=3).map(" ".join)
        | inner.map(lambda each: rf"\left({each}\right)^{{\top}}")
        | st.lists(inner, min_size=2, max_size=3).map(
            lambda parts: rf"\max\left({', '.join(parts)}\right)"
        )
    ),
    max_leaves=12,
)


@given(FORMULAS, st.integers(10, 60))
def test_nothing_is_lost_of_any_formula_and_every_line_closes_its_braces(latex, width):
    assert rejoined(latex, width) == latex
    for line in lines(latex, width):
        assert line.count("{") == line.count("}")
        assert line.count(r"\left(") == line.count(r"\right)")


def test_a_short_formula_stays_whole():
    assert lines(SUM, 200) == [SUM]
    assert [piece.latex for piece in pieces(NESTED, 200)] == [NESTED]


def test_lines_begin_at_relations_and_signs_and_fit():
    found = lines(SUM, 26)
    assert len(found) > 1
    assert all(line[0] in "+-" or line.startswith(r"\le") for line in found[1:])
    assert all(glyphs(line) <= 30 for line in found)


def test_long_parentheses_are_opened_and_short_ones_are_not():
    joined = "".join(piece.latex for piece in pieces(NESTED, 20))
    assert joined.count(r"\bigl(") == joined.count(r"\bigr)") == 2
    assert r"\left(g + h\right)" in joined


def test_a_leading_sign_and_a_function_argument_are_not_broken():
    starts = [
        piece.latex
        for piece in pieces(r"\max\left(- a, - b - c - d - e - f - g\right) + \sigma(a - b)", 5)
    ]
    assert any(start.startswith(r"\max\bigl(- a") for start in starts)
    assert any(r"\sigma(a - b)" in start for start in starts)


def test_glyphs_measures_what_is_seen():
    assert glyphs(r"\frac{\partial L}{\partial x}") == 2
    assert glyphs(r"\sigma_{\max}") == 3  # small letters
    assert glyphs("a + b") > glyphs("ab")
