"""What is backpropagated is what was asked for, the same on every device and in every precision."""

import pytest
import torch
from torch.nn import functional

from derivations.errors import InputError
from validate.targets.backward_signals import arguments_of, signal_of


def result(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*shape, generator=generator).requires_grad_()


def test_labels_give_the_summed_cross_entropy():
    out, y = result(4, 3), torch.tensor([0, 1, 2, 0])
    signal = signal_of(None, y, 0)
    assert signal.loss(out) == functional.cross_entropy(out, y, reduction="sum")
    assert signal.words == "summed cross-entropy"


def test_a_loss_is_taken_as_it_is():
    def loss(out):
        return out.sum()

    assert signal_of(loss, None, 0).loss is loss


def test_cotangents_are_seeded_and_the_same_in_every_precision():
    out, signal = result(4, 3), signal_of(None, None, 7)
    (single,) = torch.autograd.grad(signal.loss(out), out)
    twin = out.detach().double().requires_grad_()
    (double,) = torch.autograd.grad(signal.loss(twin), twin)
    assert torch.equal(single, double.float())
    (other,) = torch.autograd.grad(signal_of(None, None, 8).loss(out), out)
    assert not torch.equal(single, other)
    assert signal.words == "standard normal cotangent, seed 7"
    assert abs(double.mean()) < 1.5
    assert 0.3 < double.std() < 2


def test_every_result_gets_a_cotangent_of_its_own():
    one, other = result(4, 3), result(4, 3)
    found = torch.autograd.grad(
        signal_of(None, None, 0).loss({"a": one, "b": [other, 3]}), (one, other)
    )
    assert not torch.equal(*found)


def test_one_dict_is_keyword_arguments():
    x = torch.ones(2)
    assert arguments_of((x, 2)) == ((x, 2), {})
    assert arguments_of(({"x": x},)) == ((), {"x": x})
    with pytest.raises(InputError, match="no input"):
        arguments_of(())


@pytest.mark.parametrize(
    ("out", "y", "said"),
    [
        (torch.ones(2, 2), None, "carries no gradient"),
        (3, None, "carries no gradient"),
        (result(4), torch.zeros(4, dtype=torch.long), "need logits"),
        (result(4, 3), torch.zeros(3, dtype=torch.long), "need logits"),
    ],
)
def test_results_that_do_not_fit_are_refused(out, y, said):
    with pytest.raises(InputError, match=said):
        signal_of(None, y, 0).loss(out)
    with pytest.raises(InputError, match="not both"):
        signal_of(torch.sum, torch.zeros(1), 0)
