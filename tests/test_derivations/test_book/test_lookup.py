"""Symbols are explained beside their use; the index leads to what is there."""

import re
from dataclasses import replace

from derivations.book.arrange import sections, title_of
from derivations.book.lookup import (
    OWN,
    SYMBOLS,
    WORDS,
    axiom_label,
    in_words,
    index,
    label,
    named,
    symbols,
)
from derivations.book.markdown import _anchor

SAID_IN_THE_PREFACE = {"H", "x", "L", "F"}


def letters(latex: str) -> set[str]:
    """The letters of a formula: no commands, no indices."""
    plain = re.sub(r"\\operatorname\{(\w+)\}|\\[A-Za-z]+", " ", latex)
    return set(re.findall(r"[A-Za-z]", re.sub(r"_(\{[^{}]*\}|\w)", " ", plain)))


def test_a_formula_brings_its_symbols_and_no_others():
    found = [symbol.latex for symbol in symbols("plain", [r"J_{F}^{\top} g"])]
    assert found == ["g", "J_{F}"]
    assert [symbol.latex for symbol in symbols("plain", [r"\gamma \ge 0"])] == [r"\gamma"]
    assert symbols("plain", [r"\log \angle"]) == []


def test_a_block_says_its_own_letters_first():
    latex = r"B P W_1 u + Bs \frac{\partial F}{\partial x}"
    assert [each.latex for each in symbols("se_residual", [latex])] == [
        "u", "P", r"W_1,\ W_2", "s", "B",
    ]  # fmt: skip
    assert symbols("residual", [latex]) == []


def test_every_letter_of_a_gradient_is_explained_in_its_section(document):
    for section in sections(document):
        shown = " ".join(symbol.latex for symbol in section.symbols)
        for block in section.readings:
            for letter in letters(block.pullback.latex) - SAID_IN_THE_PREFACE:
                assert letter in shown, (section.name, letter)


def test_every_symbol_is_used_somewhere(document):
    used = {symbol for section in sections(document) for symbol in section.symbols}
    assert used == {*SYMBOLS, *(each for own in OWN.values() for each in own)}
    assert {section.name for section in sections(document)} >= OWN.keys()


def test_the_index_is_sorted_and_every_word_leads_somewhere(document):
    found = index(document)
    for entries in found.values():
        words = [entry.word for entry in entries]
        assert words == sorted(words, key=str.casefold)
        assert len(words) == len(set(words))
        assert all(title_of(place, document) for entry in entries for place in entry.places)
    words, names = ({e.word: e.places for e in entries} for entries in found.values())
    assert words.keys() >= {*WORDS, "Equation (3)", "Spitzer's identity"}
    assert "theorem:se.pooling" in words["average pooling"]
    assert words["Equation (6)"] == ("equation:dense.eq6",)
    assert names["every_loss.pencil"] == ("theorem:every_loss.pencil",)
    assert {"block:residual", "block:highway"} <= set(names["singular.max"])


def test_what_is_not_in_the_document_is_not_in_the_index(document):
    theorems = tuple(each for each in document.theorems if each.id != "se.pooling")
    words, names = index(replace(document, theorems=theorems)).values()
    assert "average pooling" not in {entry.word for entry in words}
    assert "se.pooling" not in {entry.word for entry in names}


def test_an_axiom_is_found_where_it_is_cited(document):
    words = {entry.word: entry.places for entry in index(document)["Words"]}
    for name in ("halved_masks", "gradient_independence", "spitzer"):
        assert words[in_words(name)][-1] == axiom_label(name)
    assert "theorem:depth.plain" in words["halved masks"]
    assert "block:residual" in words["triangle inequality"]


def test_labels_stay_apart_in_both_formats(document, printed):
    parts = (*document.blocks, *document.equations, *document.theorems)
    ends = {label(each) for each in parts}
    assert len({_anchor(each) for each in ends}) == len(ends)
    anchors = re.findall(r'<a id="([^"]+)">', printed["markdown"])
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r"\]\(#([^)]+)\)", printed["markdown"])) <= set(anchors)
    made = re.findall(r"\\label\{([^}]*)\}", printed["latex"])
    assert len(made) == len(set(made))
    for pages in re.findall(r"\\pages\{([^}]*)\}", printed["latex"]):
        assert set(pages.split(",")) <= set(made)


def test_names_of_axioms_become_words_and_symbols_stay():
    assert named("Rests on halved_masks, sparre_andersen.") == (
        "Rests on halved masks, Sparre Andersen's theorem."
    )
    assert named("J_F, x_i, σ_max(A), v_ab") == "J_F, x_i, σ_max(A), v_ab"
