"""Bounds for every loss in an analysis hold of every loss tried, or it says why there are none."""

import re

import pytest
import torch
from strategies import gaussian
from torch import nn
from torch.nn import functional
from twins.arriving import OTHERS, SHIFT_INVARIANT, classifier, inputs

from numeric import capture
from validate.analysis import every_loss_records
from validate.analysis.analysis_document import Analysis, BlockAnalysis
from validate.analysis.analyze import analyze
from validate.analysis.every_loss_records import every_loss_of
from validate.networks.build import build

IDS = ("every_loss.all", "every_loss.shift_invariant", "every_loss.labels")


def ends(block: BlockAnalysis, name: str) -> tuple[float, float]:
    found = {each.side: each for each in block.bounds if each.id == name}
    assert {each.certainty for each in found.values()} == {"exact"}
    assert found["lower"].value is not None
    assert found["upper"].value is not None
    return found["lower"].value, found["upper"].value


@pytest.mark.parametrize("name", ["residual-8", "se_residual-8", "dense-10"])
def test_the_gains_of_every_loss_lie_within_its_bounds(name):
    model, x = build(name, num_classes=5).double().eval(), gaussian(3, 1, 8, 8, seed=0)
    bounded = analyze(model, x, every_loss=True)
    more = set(bounded.capture.remarks) - set(analyze(model, x).capture.remarks)
    assert all("parameters have no bounds" in each for each in more)
    for loss, of in {**SHIFT_INVARIANT, **OTHERS}.items():
        for block, one in zip(analyze(model, x, loss=of), bounded, strict=True):
            for which in IDS[: 2 if loss in SHIFT_INVARIANT else 1]:
                low, high = ends(one, which)
                assert block.gain is not None
                assert low * (1 - 1e-9) <= block.gain.min, (loss, which)
                assert block.gain.max <= high * (1 + 1e-9), (loss, which)
    for y in range(5):
        labelled = analyze(model, x, y=torch.full((3,), y))
        for block, one in zip(labelled, bounded, strict=True):
            low, high = ends(one, "every_loss.labels")
            assert block.gain is not None
            assert low * (1 - 1e-9) <= block.gain.min
            assert block.gain.max <= high * (1 + 1e-9)


def test_the_words_say_which_losses_and_the_json_keeps_them():
    found = analyze(classifier(), inputs(), every_loss=True)
    said = {each.id: each.holds_for for block in found for each in block.bounds}
    assert said["every_loss.all"] == "every loss"
    assert said["every_loss.shift_invariant"] == "every shift-invariant loss"
    assert said["every_loss.labels"] == "cross-entropy with any hard label"
    assert Analysis.of(found.json()) == found


def test_without_being_asked_there_are_none():
    said = {each.id for block in analyze(classifier(), inputs()) for each in block.bounds}
    assert not said & set(IDS)


def test_a_floor_is_said():
    model = classifier()
    model[4].weight[1] = model[4].weight[0]
    model[4].bias[1] = model[4].bias[0]
    found = analyze(model, inputs(), every_loss=True)
    words = {e.holds_for for e in found.blocks[0].bounds if e.id == "every_loss.shift_invariant"}
    assert any("is rounding" in each for each in words)


def test_samples_without_a_signal_are_left_out_and_blocks_without_one_have_no_bounds():
    model = classifier()
    model[4].weight[:] = 0
    found = analyze(model, inputs(), every_loss=True)
    blocks = [block for block in found if block.name != "4"]
    assert not any(each.id in IDS for block in blocks for each in block.bounds)


def test_one_logit_has_the_bounds_of_every_loss_alone():
    found = analyze(classifier(classes=1), inputs(), every_loss=True)
    for block in found:
        assert {each.id for each in block.bounds} & set(IDS) == {"every_loss.all"}
        low, high = ends(block, "every_loss.all")
        # One gain a sample, whatever the loss: that of any signal.
        assert block.gain is not None
        assert low == pytest.approx(block.gain.min, rel=1e-9)
        assert high == pytest.approx(block.gain.max, rel=1e-9)


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 6).double()

    def forward(self, x):
        return self.layer(x).tanh().reshape(-1, 3)


IMAGES = gaussian(2, 2, 5, seed=0)
CASES = [
    (nn.Sequential(nn.Conv1d(2, 2, 3), nn.Tanh()).double(), IMAGES, "one output of logits"),
    (nn.Sequential(nn.Linear(6, 70), nn.Tanh()).double(), inputs(), "at most 64"),
    (nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Tanh()).double(), inputs(), "coupled"),
    (Tokens(), inputs(), "rows of logits|coupled"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "x", "words"), CASES)
def test_where_there_can_be_none_a_remark_says_why(model, x, words):
    found = analyze(model, x, every_loss=True)
    assert not any(each.id in IDS for block in found for each in block.bounds)
    (remark,) = (each for each in found.capture.remarks if "every loss" in each)
    assert re.search(words, remark)


def test_what_would_take_too_much_memory_is_not_begun(monkeypatch):
    monkeypatch.setattr(every_loss_records, "MOST_BYTES", 100)
    model, x = classifier(), inputs()
    (remark,) = every_loss_of(capture(model, (x,), {}), False).remarks
    assert "use a smaller batch" in remark


def test_hard_labels_are_those_of_cross_entropy_in_float32():
    model, x = build("residual-8").eval(), gaussian(3, 1, 8, 8, seed=0).float()
    bounded = analyze(model, x, every_loss=True)
    y = functional.one_hot(torch.tensor([1, 2, 3]), 10).argmax(1)
    for block, one in zip(analyze(model, x, y=y), bounded, strict=True):
        low, high = ends(one, "every_loss.labels")
        assert block.gain is not None
        assert low * (1 - 1e-5) <= block.gain.min
        assert block.gain.max <= high * (1 + 1e-5)


@pytest.mark.parametrize(("temperature", "said"), [(1.0, False), (20.0, True)])
def test_a_signal_without_digits_is_said_where_it_contradicts_the_bounds(temperature, said):
    """Cross-entropy's own p_y − 1 has no digits left of a sample that is certain."""
    torch.manual_seed(2)
    first, second, last = nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, 4)
    model = nn.Sequential(first, nn.Tanh(), second, last)
    with torch.no_grad():
        last.weight.mul_(temperature)
        last.bias.mul_(temperature)
    x = torch.randn(4, 5)
    found = analyze(model, x, y=model(x).argmax(1), every_loss=True)
    assert any("has no digits left" in each for each in found.capture.remarks) == said
