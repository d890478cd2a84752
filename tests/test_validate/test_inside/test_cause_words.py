import pytest

from validate.inside.cause_words import GateOpening, IdleUnits, inner_cause


@pytest.mark.parametrize(
    ("idle", "said"),
    [
        (IdleUnits(0.8125, "layer.relu", 16, "channels"), "13 of 16 channels of layer.relu pass"),
        (IdleUnits(1.0, "relu", 6), "all 6 units of relu pass no signal on any sample"),
        (IdleUnits(0.9), "90% of the units of a ReLU pass no signal"),
        (IdleUnits(1.0), "all units of a ReLU pass no signal"),
    ],
)
def test_units_are_counted_where_their_number_is_known(idle, said):
    assert str(idle).startswith(said)


def test_a_gate_comes_first_and_each_has_its_limit():
    gate, idle = GateOpening(0.05, "se.gate"), IdleUnits(0.5)
    assert inner_cause(gate, idle) == "gate: se.gate lets 0.05 through on average"
    assert (inner_cause(GateOpening(0.1), idle) or "").startswith("mask: 50% of the units")
    assert inner_cause(GateOpening(0.1), IdleUnits(0.49)) is None
    assert inner_cause(None, None) is None
