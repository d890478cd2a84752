"""What a reader is told beforehand: every verdict, both readings, and each method of proof."""

from typing import get_args

import pytest
from test_validate.audited import gathered

from validate.audit.how_to_read import GUIDE
from validate.audit.paper import paper
from validate.audit.verdicts import RULES, Verdict


def test_both_readings_and_the_gain_are_defined():
    assert {"scalar", "operator", "gain"} <= set(GUIDE)
    assert "(∂H/∂x)ᵀ · ∂L/∂H" in GUIDE["operator"]


def test_every_verdict_is_explained():
    assert set(RULES) == set(get_args(Verdict))
    for name, rule in RULES.items():
        assert f"{name}: {rule}" in GUIDE["verdicts"]


@pytest.mark.parametrize("claim", ["C1", "C2", "C7"])
def test_every_method_that_evidence_names_is_explained(claim):
    methods = {each for proof in gathered(claim).proofs.values() for each in proof.passed}
    methods |= set(gathered("C5").kept.passed + gathered("C13").kernel.passed)
    methods |= set(gathered("C14").diagonal.passed)
    words = {"dual numbers through explicit functions": "explicit functions by dual numbers"}
    assert methods
    assert all(words.get(each, each) in GUIDE["proved"] for each in methods)


def test_the_computation_that_is_not_judged_is_that_of_table_2():
    more = [row.se_gflops - row.gflops for row in paper().table2]
    assert f"+{min(more)} to +{max(more)} G" in GUIDE["not judged"]
