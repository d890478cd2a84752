"""The book in Markdown: its tables keep their columns, and its formulas are left to MathJax."""

import re
from dataclasses import replace

import pytest

from derivations.book.arrange import sections
from derivations.book.derive import derive
from derivations.book.markdown import prose
from derivations.book.text import render

MATH = re.compile(r"\$\$([^$]+)\$\$|\$([^$]+)\$")


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("J_F and ‖J‖_F", "J<sub>F</sub> and ‖J‖<sub>F</sub>"),
        ("2^n and 2^(l−1)", "2<sup>n</sup> and 2<sup>(l−1)</sup>"),
        ("a|b * [c] `d` $e", r"a\|b \* \[c\] \`d\` \$e"),
        ("x ~ N(0, I) and ~/x", "x ∼ N(0, I) and ~/x"),
        ("<b> & a_long_name", r"&lt;b&gt; &amp; a\_long<sub>name</sub>"),
    ],
)
def test_plain_text_is_printed_as_it_is(text, markdown):
    assert prose(text) == markdown


def test_every_verdict_is_the_records(document, printed):
    for equation in document.equations:
        for claim in equation.claims:
            word = "holds" if claim.holds else "not proved"
            assert f"{prose(claim.statement)}: **{word}**" in printed["markdown"]


def test_a_block_has_one_section_that_holds_both_readings_and_its_equations(document, printed):
    for section in sections(document):
        heading = rf"^## {re.escape(prose(section.title))}$"
        (start,) = [
            match.start() for match in re.finditer(heading, printed["markdown"], re.MULTILINE)
        ]
        text = printed["markdown"][start:].split("\n## ")[0]
        assert text.count("### Derivation, ") == 2
        assert f"(diagrams/{section.name}.svg)" in text
        assert all(f"Equation ({number})" in text for number, _ in section.equations)
    assert {e.block: e.id for e in document.equations} == {
        "plain": "eq1",
        "residual": "eq2",
        "se_residual": "eq3",
        "dense": "eq6",
    }


def test_markdown_tables_keep_their_columns(printed):
    columns = 0
    for line in printed["markdown"].splitlines():
        if not line.startswith("|"):
            columns = 0
            continue
        cells = len(re.findall(r"(?<!\\)\|", line))
        assert columns in (0, cells), line
        columns = cells


def test_markdown_formulas_hold_nothing_that_markdown_takes_for_its_own(printed):
    """Backslash before punctuation, bars, underscores that could open an emphasis.

    Rows of a display end in two backslashes.
    """
    formulas = [display or inline for display, inline in MATH.findall(printed["markdown"])]
    assert len(formulas) > 500
    for formula in formulas:
        assert not re.search(
            r"[|*<>\n]|[^A-Za-z0-9]_|\\[^A-Za-z\\]", formula.replace(r"\\ ", "")
        ), formula
        assert formula == formula.strip()
    assert all(r"\\" not in inline for _, inline in MATH.findall(printed["markdown"]))


@pytest.mark.parametrize(
    "latex",
    [
        r"\left\{a\right\}",
        r"a\,b",
        r"|a|",
        r"a * b",
        r"\left[\begin{matrix}a\\b\end{matrix}\right]",
    ],
)
def test_such_formulas_are_rewritten(latex):
    document = derive(["plain"])
    first, *rest = document.blocks
    changed = replace(document, blocks=(replace(first, definition_latex=latex), *rest))
    text = render(changed, "markdown")
    assert f"${latex}$" not in text


def test_a_long_formula_is_displayed_in_several_lines():
    document = derive(["plain"])
    latex = " + ".join(f"a_{{{index}}}" for index in range(40))
    changed = replace(document, blocks=(replace(document.blocks[0], definition_latex=latex),))
    (shown,) = re.findall(r"\$\$(\\begin\{aligned\}.*?)\$\$", render(changed, "markdown"))
    lines = shown.removeprefix(r"\begin{aligned}").removesuffix(r"\end{aligned}").split(r" \\ ")
    assert len(lines) > 1
    assert lines[0].startswith("&a_{0}")
    joined = "".join(line.removeprefix(r"&").removeprefix(r"\quad ") for line in lines)
    assert joined.replace(" ", "") == latex.replace(" ", "")


def test_a_book_without_axioms_ends_like_any_other(document, printed):
    for text in (printed["markdown"], render(replace(document, axioms=()), "markdown")):
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
