"""A sample's own part of a parameter's gradient, against a run of that sample alone."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from twins.arriving import classifier, inputs

from validate.analysis.analyze import analyze
from validate.measure.sample_ratios import sample_ratios


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_it_is_what_the_sample_alone_sends_whatever_the_reduction(reduction):
    model, x, y = classifier().requires_grad_(), inputs(), torch.tensor([0, 1, 2, 3])

    def loss(z):
        return functional.cross_entropy(z, y, reduction=reduction)

    found = sample_ratios(model, (x,), {}, loss, ["0.0.weight", "4.bias"], 3)
    assert list(found) == ["0.0.weight", "4.bias"]
    assert all(each.shape == (3,) for each in found.values())
    for k in range(3):
        z = model(x[k : k + 1])
        a, first, last = torch.autograd.grad(
            functional.cross_entropy(z, y[k : k + 1]), [z, model[0][0].weight, model[4].bias]
        )
        assert found["0.0.weight"][k].item() == pytest.approx(float(first.norm() / a.norm()))
        assert found["4.bias"][k].item() == pytest.approx(float(last.norm() / a.norm()))


class Kept(nn.Module):
    """A layer inside a re-entrant checkpoint, which autograd.grad does not see into."""

    def __init__(self, inner: bool):
        super().__init__()
        torch.manual_seed(0)
        self.inner, self.last, self.kept = nn.Linear(6, 6), nn.Linear(6, 4), inner
        self.double()

    def forward(self, x):
        if not self.kept:
            return self.last(self.inner(x).tanh())
        return self.last(checkpoint(lambda v: self.inner(v).tanh(), x, use_reentrant=True))


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_what_a_checkpoint_hides_is_measured():
    names = ["inner.weight", "inner.bias", "last.weight"]
    found, plain = (
        sample_ratios(Kept(inner), (inputs(),), {}, lambda z: z.pow(3).sum(), names, 3)
        for inner in (True, False)
    )
    assert list(found) == names
    for name in names:
        torch.testing.assert_close(found[name], plain[name], rtol=1e-12, atol=0)
        assert (found[name] > 0).all()
    model = Kept(True)
    analyzed = analyze(model, inputs(), y=torch.tensor([0, 1, 2, 3]), every_loss=True)
    assert not any("lies outside" in each for each in analyzed.capture.remarks)
    assert all(each.grad is None for each in model.parameters())


def test_what_nothing_reaches_is_left_out_and_inputs_are_as_they_were():
    model, x = classifier().requires_grad_(), inputs()
    model.register_parameter("beside", nn.Parameter(torch.ones(2)))
    found = sample_ratios(model, (x,), {}, lambda z: z.sum(), ["4.weight", "beside"], 2)
    assert list(found) == ["4.weight"]
    assert not x.requires_grad


def test_a_sample_without_a_signal_has_none_and_several_results_are_refused():
    model, x = classifier().requires_grad_(), inputs()
    found = sample_ratios(model, (x,), {}, lambda z: z[1:].sum(), ["4.weight"], 9)["4.weight"]
    assert found.isnan().tolist() == [True, False, False, False]

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 2).double()

        def forward(self, x):
            return self.layer(x), x

    with pytest.raises(ValueError, match="not one tensor"):
        sample_ratios(Two(), (x,), {}, lambda z: z[0].sum(), ["layer.weight"], 9)
