"""Plain text becomes LaTeX that pdflatex knows; what has no translation is refused."""

import pytest

from derivations.book.prose import ascii_only, identifier, plain, prose
from derivations.errors import InputError


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("J_F → 0", r"$J_{F}$ $\to$ 0"),
        ("σ_min(Aᵀ)", r"$\sigma _{\min}$($A$${}^{\top}$)"),
        ("‖J‖_F", r"$\Vert$$J$$\Vert _{F}$"),
        ("2^(l−1)", "2$^{l- 1}$"),
        ("¼", r"$\frac{1}{4}$"),
        ("W₂", r"$W$${}_{2}$"),
        ("Poincaré, Kuczyński – 1992", r"Poincar\'{e}, Kuczy\'{n}ski -- 1992"),
        ("50 % of a_very_long_name & {x}", r"50 \% of a\_very\_long\_name \& \{$x$\}"),
        ("x ~ χ²_k", r"$x$ $\sim$ $\chi$${}^{2}_{k}$"),
        ("g_ℓ ≠ 0", r"$g_{\ell }$ $\neq$ 0"),
        ("a gain of A or I", "a gain of A or I"),
        ("S.-H. Noh's x", "S.-H. Noh's $x$"),
        ("∂F̃/∂x and x̃", r"$\partial\tilde{F}$/$\partial$$x$ and $\tilde{x}$"),
        ("3.86 G of G, 25.6 M of M", "3.86 G of $G$, 25.6 M of $M$"),
    ],
)
def test_translations(text, latex):
    assert prose(text) == latex


def test_all_greek_letters_indices_and_common_signs_are_known():
    letters = "αβγδεζηθικλμνξπρςστυφχψωϕϵΓΔΘΛΞΠΣΦΨΩ₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹ⁿᵢⱼₙ₊⁻½⅓¾"
    for char in letters + "≤≥≠≈±×·√∂∇∞∈ℝ𝔼⟨⟩‖′…–—“”éüøßñ⊙→⇒⇔∑∏":
        assert prose(char).isascii(), char


@pytest.mark.parametrize("char", ["☃", "漢", "\u20d7", "x_☃"])
def test_an_unknown_character_is_refused_by_name(char):
    with pytest.raises(InputError, match=r"prose\.py"):
        prose(f"a{char}" if len(char) == 1 else f"{char} x^{{☃}}")


def test_identifiers_break_after_dots_and_underscores_and_bookmarks_are_ascii():
    assert identifier("a.b_c") == r"\texttt{a.\allowbreak{}b\_\allowbreak{}c}"
    assert ascii_only("Norm of ∂s/∂x for é_1") == "Norm of s/x for e1"


def test_a_dollar_beside_a_sign_opens_no_formula():
    assert plain("a$≥b") == r"a\$$\ge$b"
    assert plain("≥≥") == r"$\ge\ge$"
