"""The evidence of a claim follows its source: counts, tables, terms, rules, records. Each is
changed, and the verdict with it."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from test_validate.audited import gathered, judged, rejudged
from test_validate.drawn_results import DEPTHS, as_claimed, drawn, flow

from derivations.algebra.blocks import BRANCH, SE_RESIDUAL, Block
from derivations.algebra.terms import Add, Chain, Gate, Identity, Layer, Linear, Pointwise
from derivations.rules.jacobian import pullback_rule
from validate.audit.counting import Counts
from validate.audit.evidence import Sources
from validate.audit.paper import paper
from validate.networks.costs import Parameters


class Fixed(Counts):
    """Counts SE-ResNet-50 as the paper does."""

    def parameters(self, name: str, num_classes: int = 1000, **settings: int) -> Parameters:
        if name == "se_resnet50":
            return Parameters(21_400_000, 0, 0, 0)
        return super().parameters(name, num_classes, **settings)


def test_a_fixed_parameter_count_confirms_table_a1():
    assert judged("C20").counterexample["given"]["network"] == "SE-ResNet-50"
    assert rejudged("C20", Sources(counts=Fixed())).verdict == "confirmed"


def test_a_table_entry_changes_the_gain():
    table = paper().table1
    changed = (table[0], replace(table[1], plain=Decimal("28.00")))
    found = rejudged("C16", Sources(paper=replace(paper(), table1=changed)))
    assert found.verdict == "refuted"
    assert found.counterexample["found"] == "2.97 points"


@pytest.mark.parametrize(
    ("claim", "row"),
    [("C17", {"se_top1": Decimal("24.81")}), ("C18", {"se_top1": Decimal("23.30")})],
)
def test_a_table_entry_changes_table_2(claim, row):
    table = paper().table2
    found = rejudged(
        claim, Sources(paper=replace(paper(), table2=(replace(table[0], **row), *table[1:])))
    )
    assert found.verdict == "refuted"
    assert found.counterexample


def test_an_equal_error_is_no_lower_one():
    table = paper().table2
    found = rejudged(
        "C17",
        Sources(
            paper=replace(paper(), table2=(replace(table[0], se_top5=table[0].top5), *table[1:]))
        ),
    )
    assert found.verdict == "refuted"
    assert found.counterexample["found"] == "SE-ResNet 7.48 %"


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [("1.01", "confirmed"), ("-1.01", "confirmed"), ("1.00", "refuted"), ("0.6", "refuted")],
)
def test_a_difference_counts_where_it_exceeds_the_deviation(difference, verdict):
    assert (
        judged("C23", replace(gathered("C23"), differences={"row": Decimal(difference)})).verdict
        == verdict
    )


def test_differences_are_counted():
    assert judged("C23").summary.startswith(
        "2 of 8 differences exceed 1 point, of them 1 the 2.77 points"
    )


@pytest.mark.parametrize(
    ("counted", "verdict"),
    [
        ((38_900_000, 0, 0, 9), "confirmed"),
        ((0, 0, 38_000_000, 900_000), "confirmed"),
        ((38_000_000, 0, 0, 0), "refuted"),
    ],
)
def test_a_size_is_right_with_or_without_statistics(counted, verdict):
    evidence = replace(
        gathered("C20"), printed={"vgg19": Decimal("38.9")}, counted={"vgg19": Parameters(*counted)}
    )
    assert judged("C20", evidence).verdict == verdict


def test_small_networks_become_the_published_ones_and_were_not():
    """Every count ends at the published one, to its digits; those that ResNets start from have
    2,752 more, DenseNets' less than a third.
    """
    small = {each.network: list(each.counted.values()) for each in gathered("C20").small}
    for row, (ours, *_, theirs) in zip(paper().small, small.values(), strict=True):
        assert (Decimal(theirs) / 10**6).quantize(row.millions) == row.millions
        assert ours - theirs == 2752 if row.network.startswith("residual") else 3 * ours < theirs
    assert small["dense-40 with k = 12"] == [315_454, 320_898, 1_019_722]
    assert "residual-20 272,474 → 269,722 (published 0.27 M)" in judged("C20").summary


def test_small_networks_are_no_part_of_the_claim():
    found = judged("C20", replace(gathered("C20"), small=()))
    assert found.verdict == judged("C20").verdict
    assert found.summary == judged("C20").summary.partition("; as trained here")[0]


INPUT_GATE = Chain(
    Linear("P"), Linear("W_1"), Pointwise("relu"), Linear("W_2"), Pointwise("sigmoid"), Linear("B")
)


@pytest.mark.parametrize("gate", [INPUT_GATE, Layer("s")], ids=["weights", "layer"])
def test_a_gate_computed_from_the_input_keeps_its_term(gate):
    block = Block(
        "input_gate",
        "",
        "input_gate",
        Add(Gate(BRANCH, gate), Identity()),
        {**SE_RESIDUAL.dims, "s": ("n", "n")},
    )
    found = rejudged("C8", Sources(gated=block))
    assert found.verdict == "confirmed"
    assert found.counterexample is None
    assert judged("C8").verdict == "refuted"


@pytest.fixture
def _a_pullback_without_the_skip() -> Iterator[None]:
    """The sum rule forgets its last part."""
    original = pullback_rule.dispatch(Add)

    def broken(term: Add, point: Any, notation: Any, g: Any) -> Any:
        return original(Add(*term.parts[:-1]), point, notation, g)

    pullback_rule.register(Add, broken)
    yield
    pullback_rule.register(Add, original)


@pytest.mark.parametrize("claim", ["C3", "C4", "C7"])
@pytest.mark.usefixtures("_a_pullback_without_the_skip")
def test_a_broken_pullback_rule_confirms_nothing(claim):
    assert rejudged(claim, Sources()).verdict != "confirmed"


@pytest.mark.usefixtures("_a_pullback_without_the_skip")
def test_a_broken_pullback_rule_leaves_other_blocks_alone():
    assert rejudged("C1", Sources()).verdict == "confirmed"


def test_repaired_lines_of_equation_4():
    lines = paper().equation4
    agreeing = (replace(lines[0], top=0), lines[1], replace(lines[2], top=-2), lines[3])
    found = rejudged("C10", Sources(paper=replace(paper(), equation4=agreeing)))
    assert found.verdict == "refuted"  # features are still repeated
    assert found.evidence["conflict"] is None
    assert found.counterexample["given"] == {"l": "2"}


def test_errors_by_another_recipe_change_the_comparison():
    errors = tuple(
        replace(each, errors={**each.errors, "resnet50": Decimal("19.14")})
        for each in paper().errors
    )
    assert rejudged("C21", Sources(paper=replace(paper(), errors=errors))).verdict == "refuted"


def test_records_are_read_from_their_source():
    other_way = drawn(lambda *run: 1 - as_claimed(*run), flow, DEPTHS)
    assert rejudged("C24", Sources(results=other_way)).verdict == "refuted"
