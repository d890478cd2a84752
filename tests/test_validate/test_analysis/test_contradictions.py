"""What is measured outside of bounds for every loss is called rounding where digits are lost."""

from dataclasses import replace

import pytest
import torch
from strategies import gaussian
from torch import Tensor, nn
from torch.nn import functional
from twins.arriving import classifier, inputs

from numeric import capture
from validate.analysis.analysis_document import Analysis, Spread
from validate.analysis.analyze import analyze
from validate.analysis.contradictions import contradictions, has_lost_digits

Y = torch.tensor([0, 1, 2, 3])


def summed(labels: Tensor):
    return lambda z: functional.cross_entropy(z, labels, reduction="sum")


def said_of(found: Analysis, factor: float, rounded=(), double: bool = True) -> tuple[str, ...]:
    """Of an analysis in which the first block's gains are taken for others."""
    model, x = classifier(), inputs()
    first, *others = found.blocks
    assert first.gain is not None
    gain = Spread(*(factor * each for each in (first.gain.min, first.gain.median, first.gain.max)))
    blocks = [replace(first, gain=gain), *others]
    if not double:
        model, x = model.float(), x.float()
    return contradictions(capture(model, (x,), {}), blocks, (), None, lambda z: z.sum(), rounded)


def test_each_reason_is_said_where_it_is_known():
    found = analyze(classifier(), inputs(), every_loss=True)
    high = max(each.value or 0 for each in found.blocks[0].bounds if each.id == "every_loss.all")
    assert found.blocks[0].gain is not None
    to_bound = high / found.blocks[0].gain.max
    assert said_of(found, 1) == ()
    assert said_of(found, to_bound * (1 + 5e-6)) == ()
    (fault,) = said_of(found, to_bound * 1.001)
    assert "by 0.001 of them, and no digits are seen to be lost: either the model's" in fault
    (rounding,) = said_of(found, to_bound * 1.001, rounded={0})
    assert "has no digits left" in rounding
    (single,) = said_of(found, to_bound * 1.001, double=False)
    assert "rounding in float32 can do" in single
    (large,) = said_of(found, to_bound * 1.1, double=False)
    assert "ask in float64, and where it stays" in large
    (low,) = said_of(found, 1e-9)
    assert "by 1 of them" in low
    assert low.startswith(found.blocks[0].name)
    (other,) = said_of(found, 1e-9, rounded={1})
    assert "report it" in other


@pytest.mark.parametrize("seed", range(4))
def test_soft_labels_are_no_hard_ones(seed):
    model, x = classifier().requires_grad_(), inputs()
    soft = gaussian(*model(x).shape, seed=seed).softmax(1)
    found = analyze(model, x, y=soft, every_loss=True)
    assert not any("lies outside" in each for each in found.capture.remarks)
    # Of the bounds of hard labels some gains are outside.
    hard = contradictions(capture(model, (x,), {}), found.blocks, found.parameters, Y, summed(Y))
    assert "report it" in hard[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_digits_are_lost_of_a_sample_that_is_certain_and_of_no_other(dtype):
    z = gaussian(4, 4, seed=0).to(dtype)
    for y in (Y, torch.tensor([0, -100, 2, 3]), z.softmax(1).roll(1, 0)):
        assert not has_lost_digits(z, y, summed(y))
    sure = z + 40 * functional.one_hot(Y[:, None]).sum(1)
    assert has_lost_digits(sure, Y, summed(Y))
    assert not has_lost_digits(sure, Y.roll(1), summed(Y.roll(1)))


def test_a_hook_on_a_weight_leaves_it_without_bounds_by_name():
    model, x = classifier().requires_grad_(), inputs()
    plain = analyze(model, x, y=Y, every_loss=True)
    name = plain.parameters[0].name
    handle = dict(model.named_parameters())[name].register_hook(lambda g: 20 * g)
    found = analyze(model, x, y=Y, every_loss=True)
    handle.remove()
    (hooked,) = (each for each in found.parameters if each.name == name)
    assert hooked.bounds == ()
    assert hooked.sample_ratio is None
    said = f"{name}: with a hook that may change its gradient"
    assert any(said in remark for remark in found.capture.remarks)
    assert not any("lies outside" in each for each in found.capture.remarks)
    assert found.parameters[1:] == plain.parameters[1:]


def test_a_floor_is_rounding_only_where_a_signal_is_below_it():
    model = classifier()
    model[4].weight[1] = model[4].weight[0]
    model[4].bias[1] = model[4].bias[0]
    found = analyze(model, inputs(), y=Y, every_loss=True)
    assert any("is rounding" in e.holds_for for e in found.blocks[0].bounds)
    assert not any("lies outside" in each for each in found.capture.remarks)


def test_two_results_of_no_bounds_say_nothing():
    model, x = nn.Sequential(nn.Conv1d(2, 2, 3), nn.Tanh()).double(), gaussian(2, 2, 5, seed=0)
    assert (
        contradictions(capture(model, (x,), {}), analyze(model, x).blocks, (), None, torch.sum)
        == ()
    )
