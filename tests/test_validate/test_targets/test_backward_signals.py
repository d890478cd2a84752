"""What is backpropagated is what was asked for, the same on every device and in every precision."""

import pytest
import torch
from torch.nn import functional

from derivations.errors import InputError
from validate.targets.backward_signals import arguments_of, result_loss, signal_of, used_results


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
        (result(4, 3), torch.zeros(3, dtype=torch.long), "y has 3 labels, and the batch 4 samples"),
        (result(4, 3), torch.tensor([0, 1, 3, 2]), "y has the label 3, .* from 0 to 2"),
        (result(4, 3), torch.tensor([0, 1, -1, 2]), "y has the label -1"),
        (result(4, 3), torch.rand(4), "y is torch.float32, .* pass y.long"),
        (result(4, 3), torch.zeros(4, 1, dtype=torch.long), r"y is \(4, 1\), .* are \(4,\)"),
        (result(4, 3, 5), torch.zeros(4, dtype=torch.long), r"labels are \(4, 5\)"),
        (result(4, 3), torch.tensor(1), "labels are"),
        (result(4, 3), [0, 1, 2, 0], "y is a list"),
        (result(4, 3), torch.zeros(4, dtype=torch.long, device="meta"), "y is on meta"),
    ],
)
def test_results_that_do_not_fit_are_refused(out, y, said):
    with pytest.raises(InputError, match=said):
        signal_of(None, y, 0).loss(out)
    with pytest.raises(InputError, match="not both"):
        signal_of(torch.sum, torch.zeros(1), 0)


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.int16])
def test_labels_are_any_whole_numbers_or_shares_of_classes(dtype):
    out, y = result(4, 3), torch.tensor([0, 1, 2, 0])
    expected = functional.cross_entropy(out, y, reduction="sum")
    assert signal_of(None, y.to(dtype), 0).loss(out) == expected
    shares = functional.one_hot(y, 3).float()
    assert torch.isclose(signal_of(None, shares, 0).loss(out), expected)


def test_labels_may_be_left_out():
    out, y = result(4, 3), torch.tensor([0, -100, 2, -100])
    expected = functional.cross_entropy(out, y, reduction="sum")
    assert signal_of(None, y, 0).loss(out) == expected
    assert signal_of(None, torch.full((4,), -100), 0).loss(out) == 0


def test_a_model_that_fails_is_named_before_it_is_recorded():
    model = torch.nn.Sequential(torch.nn.Linear(3, 2))
    with pytest.raises(InputError, match=r"^the model fails at this input: .*--input-size 3\)"):
        used_results(model, (torch.ones(2, 4),), {}, torch.sum)


def test_the_signal_of_one_result_is_the_seeded_vector_there():
    out = {"a": torch.randn(2, 3, requires_grad=True), "b": [torch.randn(4, requires_grad=True)]}
    (signal,) = torch.autograd.grad(result_loss(2, 5)(out), out["b"][0])
    drawn = torch.randn(4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    assert torch.equal(signal, drawn.to(signal))
    with pytest.raises(InputError, match="no tensor 3: it has 2"):
        result_loss(3, 5)(out)


def test_the_results_that_a_loss_uses_are_found_by_their_place():
    def model(x):
        return {"first": x, "more": [None, x + 1, (x.long(), x * 2)]}

    x = torch.ones(2, 3)
    given = (model, (x,), {})
    assert used_results(*given, lambda out: out["more"][1].sum()) == (1,)
    assert used_results(*given, lambda out: (out["first"] * out["more"][2][1]).sum()) == (0, 3)
    everything = lambda out: (out["first"] + out["more"][1] + out["more"][2][1]).sum()  # noqa: E731
    assert used_results(*given, everything) is None
    assert used_results(*given, lambda out: out["first"]) is None  # refused later
    assert used_results(lambda x: x, (x,), {}, lambda out: out.sum()) is None
