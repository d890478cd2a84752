"""Records of a GPU get a sentence of their own numbers; where there are none the page says so."""

import math
from types import SimpleNamespace

import pytest

from paper_figures.pages.limits import NONE, limits, on_gpus, scope_of_flow
from validate.records.schema import BlockRow, BoundRow, EpochRow

BOUND = BoundRow(
    id="b", side="lower", certainty="exact", delta=None, value=(0.5, 1.0), violations=1, tightness=2
)
BLOCK = BlockRow(
    run="a",
    epoch=0,
    index=0,
    name="x",
    kind="plain",
    term="F",
    measured=(1.0, 2.0),
    predicted=(1.0, 2.0),
    vanished=0,
    identity_error=3e-13,
    identity_failures=0,
    terms={},
    bounds=(BOUND,),
    law=None,
)
EPOCH = EpochRow(
    run="a",
    epoch=0,
    status="ok",
    train_loss=0.1,
    train_error=0.0,
    test_error=0.0,
    total=None,
    made_on="NVIDIA H200",
    float32_error=2e-7,
)


def results(device):
    run = SimpleNamespace(blocks=(BLOCK,), epochs=(EPOCH,))
    return SimpleNamespace(manifest=SimpleNamespace(device=device), runs=(run, run))


def test_none_is_said_plainly():
    assert on_gpus([]) == on_gpus([results("cpu")]) == [NONE]
    assert NONE == "No record of a GPU exists yet: all that is shown here was measured on a CPU."


def test_those_of_a_gpu_are_told_with_their_numbers():
    assert on_gpus([results("cpu"), results("cuda:1")]) == [
        (
            "The same predictions on a GPU (NVIDIA H200): 2 runs, 4 checks of bounds, 2 "
            "violations; the largest relative error of a predicted gain is 3.0e-13, that of gains "
            "computed in float32 there 2.0e-07, of 7.6e-06 allowed."
        )
    ]


def study_of(monkeypatch, *flows):
    points = [SimpleNamespace(flow=each) for each in flows]
    monkeypatch.setattr("paper_figures.pages.limits.flow_points", lambda _: points)
    return SimpleNamespace(protocol=SimpleNamespace(flow=SimpleNamespace(claim="C25")))


def small():
    config = SimpleNamespace(width=8)
    manifest = SimpleNamespace(dataset="fashion-mnist")
    return SimpleNamespace(runs=[SimpleNamespace(config=config)] * 2, manifest=manifest)


def test_limits_name_width_and_data_and_what_the_test_of_flow_is_about(monkeypatch):
    (alone,) = limits(small(), None)
    assert "(width 8)" in alone
    assert "one data set (Fashion-MNIST)" in alone
    study = study_of(monkeypatch, 0.1, 1.0)
    assert limits(small(), study) == [alone, f"C25: {scope_of_flow(study)}"]


@pytest.mark.parametrize(
    ("flows", "says", "grows"),
    [
        ((0.5, 2.0), "ratios there are 3.16 to 100", True),
        ((0.0, 2.0), "ratios there are 1 to 100", False),
        ((-math.inf, 2.0), "ratios there are 0 to 100", False),
        ((), "not by the paper's four families.", False),
    ],
)
def test_that_nothing_vanishes_is_said_only_where_every_ratio_is_above_1(
    monkeypatch, flows, says, grows
):
    said = scope_of_flow(study_of(monkeypatch, *flows))
    assert says in said
    assert ("nothing vanishes" in said) is grows
