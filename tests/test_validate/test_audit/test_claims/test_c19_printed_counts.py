"""C19 and C20: printed numbers of operations and parameters against those that are counted."""

from dataclasses import replace
from decimal import Decimal

import pytest
from test_validate.audited import gathered, judged, rejudged

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
    """Every count ends at the published one, to its digits.

    Those that ResNets start from have 2,752 more, DenseNets' less than a third.
    """
    small = {each.network: list(each.counted.values()) for each in gathered("C20").small}
    for row, (ours, *_, theirs) in zip(paper().small, small.values(), strict=True):
        assert (Decimal(theirs) / 10**6).quantize(row.millions) == row.millions
        assert ours - theirs == 2752 if row.network.startswith("residual") else 3 * ours < theirs
    assert small["dense-40 with k = 12"] == [315_454, 320_898, 1_019_722]


def test_small_networks_are_no_part_of_the_claim():
    found = judged("C20", replace(gathered("C20"), small=()))
    assert (found.verdict, found.summary) == (judged("C20").verdict, judged("C20").summary)
    assert "residual-20" not in found.summary


def test_it_is_said_which_sizes_are_right():
    found = judged("C20").summary
    assert found.startswith("right for 3 of 4 (VGG-19, ResNet-50, DenseNet-121): ")
    assert "SE-ResNet-34 with 21,450,998 learned" in found


def test_what_is_counted_beside_multiply_adds_is_named():
    found = judged("C19")
    assert "max pooling per input" in found.summary
    assert "the first of these counts, rounded, to the last printed digit" in found.condition


def test_counts_that_are_cut_off_are_a_reading():
    holds, _, fails = judged("C19").condition.partition("; not ")
    assert holds.endswith("2 of 64 counts of operations, cut off, to the last printed digit")
    assert "any of 64 counts of operations, rounded" in fails
    evidence = gathered("C19")
    other = {**evidence.printed, "resnet50": Decimal("3.87")}
    condition = judged("C19", replace(evidence, printed=other)).condition
    assert "not any of 64 counts of operations, cut off" in condition


def test_gates_add_parameters():
    """26,059,514 − 23,528,522, and 21.4 − 23.6."""
    summary = judged("C20").summary
    assert "plus SE layers of 2.531 M, yet printed 2.2 M smaller" in summary
    assert "VGG-19 38.948 M learned" in summary
    larger = {**gathered("C20").printed, "se_resnet50": Decimal("26.1")}
    found = judged("C20", replace(gathered("C20"), printed=larger))
    assert "printed 2.5 M larger" in found.summary
