"""Records of a GPU get a sentence of their own numbers; where there are none the page says so."""

from types import SimpleNamespace

from paper_figures.pages.limits import NONE, on_gpus
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
