"""C21 and C22: DenseNets beside ResNets, by their own numbers and by others."""

from dataclasses import replace
from decimal import Decimal

from test_validate.audited import gathered, judged, rejudged

from validate.audit.evidence import Sources
from validate.audit.paper import paper


def test_errors_by_another_recipe_change_the_comparison():
    errors = tuple(
        replace(each, errors={**each.errors, "resnet50": Decimal("19.14")})
        for each in paper().errors
    )
    assert rejudged("C21", Sources(paper=replace(paper(), errors=errors))).verdict == "refuted"


def test_a_lower_error_must_be_lower_by_every_source():
    evidence = gathered("C21")
    for source, (dense, residual) in evidence.errors.items():
        equal = {**evidence.errors, source: (residual, residual)}
        assert dense < residual
        assert judged("C21", replace(evidence, errors=equal)).verdict == "refuted"


def test_the_cheaper_densenet_is_no_worse_than_its_resnet():
    evidence = gathered("C22")
    found = judged("C22").counterexample
    assert found["given"] == {"error of DenseNet-121": "25.02 %", "error of ResNet-34": "26.73 %"}
    costs = evidence.multiply_adds
    assert (
        found["found"] == f"DenseNet-121 needs {costs['densenet121'] / 1e9:.2f} G, ResNet-34 "
        f"{costs['resnet34'] / 1e9:.2f} G"
    )
    assert costs["densenet121"] < costs["resnet34"]


def test_the_networks_that_are_compared_are_named():
    assert "8 of 20 pairs of DenseNet-121, DenseNet-169" in judged("C22").summary
    assert "ResNet-101, ResNet-152" in judged("C22").summary


def test_a_densenet_without_a_partner_is_named():
    """No ResNet errs as little as DenseNet-264."""
    assert "0.57 × (median), no partner for DenseNet-264" in judged("C22").summary
    evidence = gathered("C22")
    better = replace(evidence, errors={**evidence.errors, "resnet152": Decimal("22.00")})
    assert "no partner" not in judged("C22", better).summary


def test_equal_costs_are_no_higher_ones():
    evidence = gathered("C22")
    equal = replace(evidence, multiply_adds=dict.fromkeys(evidence.multiply_adds, 10**9))
    assert judged("C22", equal).counterexample is None
    assert judged("C22", equal).verdict == "refuted"
    assert "more in 0 of 20 pairs" in judged("C22", equal).summary
