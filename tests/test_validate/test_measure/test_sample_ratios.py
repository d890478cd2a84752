"""A sample's own part of a parameter's gradient, against a run of that sample alone."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from twins.arriving import classifier, inputs

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


def test_a_sample_without_a_signal_has_none_and_several_results_are_refused():
    model, x = classifier().requires_grad_(), inputs()
    found = sample_ratios(model, (x,), {}, lambda z: z[1:].sum(), ["4.weight"], 9)["4.weight"]
    assert found.isnan().tolist() == [True, False, False, False]

    unused = nn.Sequential(nn.Linear(6, 2).double())
    unused.register_parameter("spare", nn.Parameter(torch.ones(2)))
    with pytest.raises(ValueError, match="no gradient comes to spare"):
        sample_ratios(unused, (x,), {}, lambda z: z.sum(), ["0.weight", "spare"], 9)

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 2).double()

        def forward(self, x):
            return self.layer(x), x

    with pytest.raises(ValueError, match="not one tensor"):
        sample_ratios(Two(), (x,), {}, lambda z: z[0].sum(), ["layer.weight"], 9)
