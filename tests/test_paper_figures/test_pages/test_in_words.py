"""Names become words, sentences end once."""

import pytest

from paper_figures.pages.in_words import bound_name, full_stop, named


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Rests on halved_masks, sparre_andersen.", "Rests on halved masks, sparre andersen."),
        ("Depth law: se_held", "Depth law: se held"),
        ("J_F, σ_max(A), D_relu, x_{l−1}, v_i", "J_F, σ_max(A), D_relu, x_{l−1}, v_i"),
    ],
)
def test_names_become_words_and_symbols_stay(text: str, shown: str) -> None:
    assert named(text) == shown


@pytest.mark.parametrize("text", ["It ends", "It ends.", "It ends. "])
def test_a_sentence_ends_once(text: str) -> None:
    assert full_stop(text) == "It ends."


def test_a_bound_is_named_without_its_side() -> None:
    assert bound_name("residual.alignment_with_t.lower") == "residual alignment with t"
