"""Two analyses of one structure are compared block by block."""

from dataclasses import replace

from printed import analysis, block

from validate.analysis.analysis_document import Analysis, BlockAnalysis
from validate.analysis.block_differences import differences, differences_text


def of(target: str, *blocks: BlockAnalysis) -> Analysis:
    return replace(analysis(target), blocks=blocks)


def one() -> Analysis:
    gains = (1.0, 1.0, 0.5, 0.0, None)
    return of("one", *(block(index, f"b{index}", gain) for index, gain in enumerate(gains)))


def other(**changes: BlockAnalysis) -> Analysis:
    return of("other", *(changes.get(each.name, each) for each in one()))


def test_what_is_the_same_differs_in_nothing():
    (found,) = differences([one(), other(b0=block(0, "b0", 1.99))])
    assert found.rows == ()
    assert found.said == "one and other: none of 5 blocks differs in kind or cause, or by 2 times"


def test_gain_kind_cause_and_signal_are_told_apart():
    (found,) = differences(
        [
            one(),
            other(
                b0=block(0, "b0", 4.0),
                b1=replace(block(1, "b1", 1.0), kind="plain"),
                b2=block(2, "b2", 0.125, "mask: dead units"),
                b3=block(3, "b3", 1.0),
                b4=block(4, "b4", 1.0),
            ),
        ]
    )
    assert found.said == "one and other differ in 5 of 5 blocks"
    assert [(row.name, row.why) for row in found.rows] == [
        ("b0", "4 times the gain"),
        ("b1", "another kind"),
        ("b2", "1/4 the gain; cause: none → mask"),
        ("b3", "the signal gets through in one alone"),
        ("b4", "a signal reaches it in one alone"),
    ]
    assert (found.rows[2].before, found.rows[2].after) == ("0.5 (residual)", "0.125 (residual)")


def test_a_cause_whose_numbers_alone_differ_is_the_same():
    first = of("a", block(0, "b", 0.1, "mask: 3 of 4 units"))
    assert differences([first, of("b", block(0, "b", 0.11, "mask: 2 of 4 units"))])[0].rows == ()


def test_blocks_of_other_names_are_counted():
    (found,) = differences([one(), of("c", block(0, "b0", 9.0), block(1, "new", 1.0))])
    assert found.said == (
        "one and c differ in 1 of 1 blocks that stand in the same place; 4 and 1 are in one alone"
    )
    (none,) = differences([one(), of("d", block(0, "x", 1.0))])
    assert none.said == (
        "one and d have no block in the same place: nothing is compared block by block"
    )


def test_each_is_held_against_the_first_and_long_lists_are_cut():
    many = of("m", *(block(index, f"b{index}", 1.0) for index in range(20)))
    grown = of("n", *(block(index, f"b{index}", 5.0) for index in range(20)))
    lines = list(differences_text([many, grown, many]))
    assert lines[-1].startswith("m and m: none of 20 blocks")
    assert "  and 8 more" in lines
    assert "  b0   1 (residual) → 5 (residual): 5 times the gain" in lines
    assert list(differences_text([many])) == []


def test_a_block_is_compared_with_the_one_part_that_took_its_place():
    first = of("a", block(0, "3.conv", 0.01), block(1, "4.x", 1.0), block(2, "4.y", 1.0))
    second = of("b", block(0, "3", 1.0), block(1, "4", 1.0))
    (found,) = differences([first, second])
    assert [(row.name, row.why) for row in found.rows] == [("3.conv, 3", "1e+02 times the gain")]
    assert "in 1 of 1 blocks that stand in the same place; 2 and 1 are in one alone" in found.said
