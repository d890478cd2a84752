"""What an analysis says of parameters whatever the loss holds of every loss that is measured."""

import pytest
import torch
from strategies import gaussian
from torch import nn
from torch.nn import functional
from twins.arriving import OTHERS, SHIFT_INVARIANT, classifier, inputs

from numeric.every_loss.plain_weights import NO_LAYER, ODD
from validate.analysis import weight_records
from validate.analysis.analysis_document import Analysis
from validate.analysis.analysis_text import text
from validate.analysis.analyze import analyze
from validate.networks.build import build


def ends(record, name):
    found = {each.side: each for each in record.bounds if each.id == name}
    return found["lower"].value, found["upper"].value


@pytest.mark.parametrize("name", ["mlp", "residual-8", "dense-10"])
def test_the_measured_ratios_of_every_loss_lie_within_the_bounds(name):
    if name == "mlp":
        model, x = classifier().requires_grad_(), inputs(3)
    else:
        model, x = build(name, num_classes=5).double().eval(), gaussian(3, 1, 8, 8, seed=0)
    bounded = {each.name: each for each in analyze(model, x, every_loss=True).parameters}
    kept = [name for name, each in bounded.items() if each.bounds]
    assert {name for name in bounded if name.endswith("head.weight")} <= set(kept)
    assert len(kept) >= 9
    for loss, of in {**SHIFT_INVARIANT, **OTHERS}.items():
        which = ["every_loss.all", "every_loss.shift_invariant"][: 1 + (loss in SHIFT_INVARIANT)]
        for record in analyze(model, x, loss=of, every_loss=True).parameters:
            for each in which if record.bounds else ():
                low, high = ends(bounded[record.name], each)
                assert low * (1 - 1e-9) <= record.sample_ratio.min, (loss, each)
                assert record.sample_ratio.max <= high * (1 + 1e-9), (loss, each)
    labelled = analyze(model, x, y=torch.tensor([0, 1, 4]), every_loss=True)
    assert not any("no digits left" in each for each in labelled.capture.remarks)
    for record in labelled.parameters:
        if record.bounds:
            low, high = ends(record, "every_loss.labels")
            assert low * (1 - 1e-9) <= record.sample_ratio.min
            assert record.sample_ratio.max <= high * (1 + 1e-9)


def test_the_words_say_of_what_they_are_and_the_json_keeps_them():
    found = analyze(classifier().requires_grad_(), inputs(), every_loss=True)
    record = next(each for each in found.parameters if each.name == "4.bias")
    # The last bias gets ∂L/∂z itself.
    for side in ends(record, "every_loss.all"):
        assert side == pytest.approx(1, rel=1e-12)
    assert record.sample_ratio.median == pytest.approx(1, rel=1e-12)
    for each in record.bounds:
        assert each.holds_for.startswith("‖∂L/∂W‖/‖∂L/∂z‖ of each sample's own part: ")
        assert each.certainty == "exact"
    assert Analysis.of(found.json()) == found
    said = text(found)
    assert "4.bias" in said
    assert "of the batch's sum no lower bound" in said


def test_the_least_are_shown_and_the_others_are_counted():
    model = nn.Sequential(*(nn.Linear(6, 6) for _ in range(8))).double()
    said = text(analyze(model, inputs(), every_loss=True))
    assert "and 4 parameters whose measured ratio is larger" in said


def test_without_being_asked_or_where_samples_are_coupled_there_are_none():
    model, x = classifier().requires_grad_(), inputs()
    coupled = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Tanh()).double()
    for found in (analyze(model, x), analyze(coupled, x, every_loss=True)):
        assert found.parameters
        assert not any(each.bounds or each.sample_ratio for each in found.parameters)
        assert "‖∂L/∂W‖/‖∂L/∂z‖" not in text(found)
    assert any("the samples are coupled" in each for each in found.capture.remarks)


class Spared(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net, self.spare = net, nn.Parameter(torch.ones(2))

    def forward(self, x):
        return self.net(x)


class Vector(nn.Module):
    """Its first weight is a vector."""

    def __init__(self):
        super().__init__()
        self.weight, self.head = nn.Parameter(torch.randn(5)), nn.Linear(7, 3)

    def forward(self, x):
        return self.head(functional.linear(x, self.weight).tanh())


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.norm, self.head = nn.Linear(6, 6), nn.LayerNorm(6), nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.norm(self.layer(self.layer(x).tanh())))


def test_what_is_left_out_is_counted_by_its_reason():
    found = analyze(Tied().double(), inputs(), every_loss=True)
    (said,) = (each for each in found.capture.remarks if "parameters have no bounds" in each)
    assert said == (
        "4 parameters have no bounds for every loss: layer.weight, layer.bias: used more than "
        f"once; norm.weight, norm.bias: {NO_LAYER}"
    )
    assert "in_proj" in NO_LAYER
    assert {each.name for each in found.parameters if each.bounds} == {"head.weight", "head.bias"}


def test_of_many_the_first_few_are_named_and_those_without_a_record_too():
    norms = (nn.LayerNorm(6) for _ in range(3))
    model = Spared(nn.Sequential(*norms, nn.Linear(6, 6), nn.Linear(6, 3))).double()
    model.net[3].requires_grad_(False)
    said = analyze(model, inputs(), every_loss=True).capture.remarks
    first = "net.0.weight, net.0.bias, net.1.weight, net.1.bias and 2 more"
    assert f"6 parameters have no bounds for every loss: {first}: {NO_LAYER}" in said
    assert "net.3.weight, net.3.bias: frozen, and not among the parameters" in said
    assert "spare: unused, or of no finite gradient, and not among the parameters" in said


def test_of_a_frozen_model_it_is_said_that_there_are_none():
    model = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    found = analyze(model.requires_grad_(False), inputs(), every_loss=True)
    assert found.parameters == ()
    assert "0.weight, 0.bias, 2.weight, 2.bias: frozen, and not among the parameters" in (
        found.capture.remarks
    )


def test_ratios_that_are_rounding_are_said_to_be_and_measured_as_none():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.InstanceNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(18, 3)
    )
    found = analyze(model, gaussian(3, 1, 5, 5, seed=0).float(), every_loss=True)
    said = {each.name: each for each in found.parameters}
    assert said["0.bias"].gradient_norm > 0
    assert said["0.bias"].sample_ratio.max == 0
    assert all("beyond rounding" in each.holds_for for each in said["0.bias"].bounds)
    low, high = ends(said["0.bias"], "every_loss.all")
    assert low == 0 < high < 1e-4
    assert not any("rounding" in each.holds_for for each in said["4.bias"].bounds)
    assert said["0.weight"].sample_ratio.min > ends(said["0.weight"], "every_loss.all")[0] > 0
    assert "a band from 0 may be rounding alone" in text(found)


@pytest.mark.parametrize("batch", [1, 5])
def test_a_layer_of_an_odd_kind_costs_no_block_its_bounds(batch):
    torch.manual_seed(0)
    found = analyze(Vector().double(), gaussian(batch, 7, 5, seed=0), every_loss=True)
    assert all(any("every_loss" in each.id for each in block.bounds) for block in found.blocks)
    assert {each.name for each in found.parameters if each.bounds} == {"head.weight", "head.bias"}
    assert any(f"weight: {ODD}" in each for each in found.capture.remarks)


def test_of_many_samples_some_are_measured_and_it_is_said(monkeypatch):
    monkeypatch.setattr(weight_records, "SAMPLES", 2)
    model, x = classifier().requires_grad_(), inputs()
    found = analyze(model, x, loss=lambda z: z.square().sum(), every_loss=True)
    assert any("measured of the first 2 samples" in each for each in found.capture.remarks)
    first = analyze(model, x[:2], loss=lambda z: z.square().sum(), every_loss=True)
    whole, some = found.parameters[0], first.parameters[0]
    assert whole.sample_ratio.max == pytest.approx(some.sample_ratio.max, rel=1e-12)
    assert ends(whole, "every_loss.all")[0] <= ends(some, "every_loss.all")[0] * (1 + 1e-12)


def test_a_model_that_cannot_go_backwards_twice_is_bounded_and_not_measured(monkeypatch):
    def fails(*_):
        raise RuntimeError("it cannot\nbe done")

    monkeypatch.setattr(weight_records, "sample_ratios", fails)
    found = analyze(classifier().requires_grad_(), inputs(), every_loss=True)
    assert any(each.endswith("could not be measured: it cannot") for each in found.capture.remarks)
    assert all(each.bounds and each.sample_ratio is None for each in found.parameters)
    assert "–  " in text(found)
