"""Tests that formulas become MathML where they can, and harmless source text where they cannot."""

from xml.etree import ElementTree

import pytest

from paper_figures.mathml import ATTRIBUTES, ELEMENTS, mathml, subscripts

CONSTRUCTS = [
    r"\frac{\partial L}{\partial x} = J_{F}^{\top} g",
    r"\sqrt{1 - \min\left(0, c\right)^{2}}",
    r"\left\lVert J^{\top} g\right\rVert_2 \le \lVert g \rVert",
    r"\begin{bmatrix} J_F \\ I \end{bmatrix}",
    r"\left[\begin{matrix}J_{F}\\I\end{matrix}\right]",
    r"\sum_{i=0}^{l-1} a_i^2 + \sum_{\substack{0 \le i \le l\\ i < j}} {b}_{j,i}^{2}",
    r"\operatorname{diag}(Bs) \odot u",
    r"\sigma_{\max}\left(J\right)",
    r"\underbrace{a+b}_{c}",
    r"\begin{cases} 1 & x>0\\ 0 & \text{otherwise}\end{cases}",
    r"\begin{aligned} a &= b \\ &= c \end{aligned}",
    r"\bigl\lVert x \bigr\rVert",
    r"\tfrac12\left(A + A^{\top}\right)",
    r"\cos\angle\left(g,\; w\right)",
]
HOSTILE = [
    r"\text{<script>alert(1)</script>}",
    "<img src=x onerror=alert(1)>",
    r"\text{</math><script>alert(1)</script>}",
    r"a & b",
    r"\undefined{x}",
    r"\left( a",
    "x^{2}^{3}",
    "",
    (
        r'\href{javascript:alert(1)}{x}\style{background:url(https://example.org)}{y}\class{a" '
        'onload="b}{z}'
    ),
    r"\color{red}{x}",
]


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{markup}</div>")


@pytest.mark.parametrize("latex", CONSTRUCTS)
def test_what_derivations_use_converts_completely(latex: str) -> None:
    (root,) = parsed(mathml(latex))
    assert root.tag == "math"
    assert root.get("display") == "block"
    assert not any("\\" in (element.text or "") for element in root.iter())


@pytest.mark.parametrize("latex", [*CONSTRUCTS, *HOSTILE])
def test_nothing_foreign_gets_into_the_page(latex: str) -> None:
    for element in parsed(mathml(latex)).iter():
        assert element.tag in ELEMENTS | {"div", "code"}
        assert element.attrib.keys() <= ATTRIBUTES


@pytest.mark.parametrize("latex", HOSTILE[:1] + HOSTILE[2:8])
def test_what_does_not_convert_is_shown_as_written(latex: str) -> None:
    (root,) = parsed(mathml(latex))
    assert root.tag == "code"
    assert (root.text or "") == latex


def test_an_index_belongs_to_the_norm() -> None:
    (root,) = parsed(mathml(r"\lVert J\rVert_F"))
    (norm,) = root.iter("msub")
    assert "".join(norm[0].itertext()) == "‖J‖"
    assert "".join(norm[1].itertext()) == "F"


def test_limits_stand_below() -> None:
    (root,) = parsed(mathml(r"\lim_{\epsilon \to 0} x + \sigma_{\max}"))
    assert [element[0].text for element in root.iter("munder")] == ["lim"]
    assert len(list(root.iter("msub"))) == 1


def test_inline_formulas_are_inline() -> None:
    (root,) = parsed(mathml("t", block=False))
    assert root.get("display") == "inline"


def test_plain_words_get_subscripts_and_stay_escaped() -> None:
    assert subscripts("‖∂H/∂x‖_F ≥ F_l/x <b>") == "‖∂H/∂x‖<sub>F</sub> ≥ F<sub>l</sub>/x &lt;b&gt;"
    assert subscripts("numerical_range") == "numerical_range"
