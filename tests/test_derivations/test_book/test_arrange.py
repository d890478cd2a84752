"""The arrangement of the book: what belongs together, what is explained once, in which words."""

import re
from dataclasses import replace

import pytest

from derivations.book.arrange import (
    CHAPTERS,
    OTHERS,
    all_passed,
    attained,
    by_number,
    chapters,
    contents,
    derived_above,
    diagram,
    facts,
    families,
    letters_of,
    meanings,
    meanings_in_steps,
    methods,
    never_attained,
    new_ways,
    sections,
    title_of,
    verdict,
)
from derivations.book.document import BlockRecord, Document
from derivations.book.markdown import prose as markdown_prose


def operator_reading(document: Document, name: str) -> BlockRecord:
    (block,) = [b for b in document.blocks if (b.block, b.reading) == (name, "operator")]
    return block


def test_a_section_holds_both_readings_and_the_equations_of_its_block(document):
    made = sections(document)
    assert [section.name for section in made] == list(
        dict.fromkeys(block.block for block in document.blocks)
    )
    assert tuple(block for section in made for block in section.readings) == document.blocks
    for section in made:
        assert [block.reading for block in section.readings] == ["scalar", "operator"]
        assert section.title == section.readings[1].title
        assert section.bounds == list(section.readings[1].bounds)
        assert section.order == list(section.readings[1].order)
        assert {e.block for _, readings in section.equations for e in readings} <= {section.name}
    told = [e for section in made for _, readings in section.equations for e in readings]
    assert sorted(map(repr, told)) == sorted(map(repr, document.equations))


def test_equations_are_grouped_by_their_number_in_the_paper(document):
    for number, readings in by_number(document.equations):
        assert {equation.id for equation in readings} == {f"eq{number}"}
    assert [number for number, _ in by_number(document.equations)] == list("123456")


def test_equations_point_to_steps_that_are_theirs(document):
    (section,) = [section for section in sections(document) if section.name == "residual"]
    equation = section.equations[0][1][0]
    numbers = [int(each) for each in re.findall(r"\d+", derived_above(section, equation))]
    steps = section.readings[0].steps
    assert [steps[number - 1] for number in numbers] == list(equation.steps)
    altered = replace(equation, steps=(replace(equation.steps[0], latex="0 = 1"),))
    assert derived_above(section, altered) == ""


def test_a_symbol_with_two_meanings_says_where_each_holds(document):
    block = operator_reading(document, "residual")
    found = {meaning.latex: meaning.only_in for meaning in meanings(block.bounds)}
    assert found[r"\sigma_{\max}(J_{H}) = \sigma_{\max}\left(I + J_{F}\right)"] == ()
    dense = {m.latex: m.only_in for m in meanings(operator_reading(document, "dense").bounds)}
    (of_slice,) = [latex for latex in dense if latex.endswith(r"\lVert g_{y} \rVert")][:1]
    assert all(each.startswith("dense.") for each in dense[of_slice])
    assert [latex for latex in found if latex.startswith("t = ")] == [
        r"t = \lVert J_{F}^{\top} g \rVert / \lVert g \rVert"
    ]
    assert not any(latex.startswith(r"\sigma_{\max}(J_{F})") for latex in found)
    assert not any(r"\sigma_{\max} " in bound.latex for bound in block.bounds)


def test_steps_explain_only_what_the_bounds_do_not(document):
    block = operator_reading(document, "residual")
    new = "z = 2"
    told = block.bounds[0].where[-1]
    assert told in {meaning.latex for meaning in meanings(block.bounds)}
    changed = replace(block, where=(told, new, r"\sigma(A) = \sigma\left( A \right)"))
    assert meanings_in_steps(changed) == [new]
    assert told in meanings_in_steps(replace(changed, bounds=()))
    assert meanings_in_steps(replace(document.theorems[0], where=(new,))) == [new]


def test_every_bound_is_attained_in_one_world_or_in_none(document):
    bounds = operator_reading(document, "dense").bounds
    lost = replace(bounds[0], extremal="")
    changed = (lost, *bounds[1:])
    listed = [each for _, ids in attained(changed) for each in ids]
    assert sorted([*listed, *never_attained(changed)]) == sorted(bound.id for bound in bounds)
    assert lost.id in never_attained(changed)
    worlds = [world for world, _ in attained(changed)]
    assert len(worlds) == len(set(worlds))


def test_families_are_bounds_without_their_sides():
    ids = ["residual.uniform.lower", "singular.max.upper", "residual.uniform.upper"]
    assert families(ids) == ["residual.uniform", "singular.max"]


def test_each_kind_of_theorem_says_its_ways_of_checking_where_they_are_first_used(
    document, printed
):
    known, told = methods(document), {}
    for theorem in document.theorems:
        kind, found = theorem.id.partition(".")[0], new_ways(theorem, document)
        earlier = told.setdefault(kind, set())
        used = {check.method for step in theorem.steps for check in step.checks}
        assert found.keys() == used - earlier
        assert all(found[way] == known[way] for way in found)
        earlier |= used
    start = printed["markdown"].index("`every_loss.pencil`")
    section = printed["markdown"][start : printed["markdown"].index("`scaled_branch.block`")]
    for way in told["every_loss"]:
        assert section.count(f"**{known[way]}** {way}") == 1
        # At the book's beginning, and beside the theorems.
        assert printed["latex"].count(rf"\textsf{{{known[way]}}}~") > 1


def test_each_method_has_a_letter_and_a_failed_check_says_so(document, failed):
    known = methods(document)
    assert len(set(known.values())) == len(known)
    assert {check.method for step in document.steps for check in step.checks} == known.keys()
    step = failed.steps[0]
    assert letters_of(step, known) == ", ".join(
        f"{known[check.method]} FAILS" for check in step.checks
    )
    assert "FAILS" not in letters_of(document.steps[0], known)


def test_the_verdict_counts_every_step(document, failed):
    count = len({(step.latex, step.condition) for step in document.steps})
    assert count < 0.8 * len(document.steps)
    assert all_passed(document) == f"{count} of {count} distinct steps passed every check."
    assert all_passed(failed) == (
        f"{count - 1} of {count} distinct steps passed every check. SOME STEPS FAILED."
    )


@pytest.mark.parametrize(("holds", "said"), [(True, "holds"), (False, "not proved")])
def test_a_claim_holds_or_is_not_proved(document, holds, said):
    claim = document.equations[-1].claims[0]
    assert verdict(replace(claim, holds=holds)) == said


def test_facts_of_a_theorem_leave_out_what_it_lacks(document):
    theorem = replace(
        document.theorems[0], certainty="law", reading="operator", conditions=("n > 1", "n < 9"),
        setting="one layer", source="Nobody 1900",
    )  # fmt: skip
    assert facts(theorem) == [
        "law, operator reading",
        "if n > 1",
        "if n < 9",
        "exact for one layer",
        "source: Nobody 1900",
    ]
    assert facts(replace(theorem, conditions=(), setting="", source="")) == [
        "law, operator reading"
    ]


def test_diagrams_lie_beside_the_book():
    assert diagram("dense", "pdf") == "diagrams/dense.pdf"


def test_every_theorem_is_in_one_chapter(document):
    made = chapters(document)
    told = [theorem for _, held in made for theorem in held]
    assert sorted(each.id for each in told) == sorted(each.id for each in document.theorems)
    assert {title for title, _ in made} == CHAPTERS.keys()
    other = replace(document.theorems[0], id="new.kind")
    assert chapters(replace(document, theorems=(other,))) == [(OTHERS, (other,))]


def test_the_contents_are_what_is_there(document, printed):
    for place, title in contents(document):
        assert title_of(place, document) == title
        assert f"\n## {markdown_prose(title)}\n" in printed["markdown"]
    assert len(re.findall(r"^## ", printed["markdown"], re.MULTILINE)) == 1 + len(
        contents(document)
    )
    bare = contents(replace(document, blocks=(), equations=(), theorems=(), axioms=()))
    assert [title for _, title in bare] == ["Symbols and ways of checking", "Index"]


def test_what_a_law_is_exact_for_ends_without_a_stop(document):
    theorem = replace(document.theorems[0], setting="every width. Rests on nothing.")
    assert "exact for every width. Rests on nothing" in facts(theorem)
