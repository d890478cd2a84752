"""One run of a classifier: its boundaries and logits, from whatever stands for a classifier."""

from collections.abc import Callable

import pytest
import torch
from strategies import gaussian
from test_numeric.branched import Exchange, Partial, UNet, built, image
from torch import nn
from twins.arriving import chain, classifier, inputs

from derivations.errors import CaptureError, InputError
from numeric.capture.capture import capture
from numeric.capture.segment_numbers import segment_numbers
from numeric.every_loss import logit_graph as logit_graphs
from numeric.every_loss.logit_graph import logit_graph
from validate.networks.build import build


def test_a_chain_a_function_and_a_captured_model_give_the_same_logits():
    model, x = classifier(), inputs()
    expected = model(x)
    for graph in (logit_graph(model, x), logit_graph(chain(model), x)):
        assert torch.equal(graph.logits, expected)
        assert torch.equal(graph.boundaries[0][0], x)
    assert len(logit_graph(model, x).boundaries) == 1
    assert len(logit_graph(chain(model), x).boundaries) == 5
    captured = capture(model, (x,), {})
    graph = logit_graph(captured)
    assert torch.equal(graph.logits, expected)
    assert len(graph.boundaries) == len(captured.boundaries)
    for values, place in zip(graph.boundaries, captured.boundaries, strict=True):
        assert torch.equal(values[0], captured.value(place))


def test_of_a_network_the_boundaries_are_those_of_its_segments():
    network, x = build("residual-8").eval().double(), gaussian(2, 1, 8, 8, seed=0)
    graph = logit_graph(network, x)
    assert len(graph.boundaries) == len(network.segments) + 1
    assert torch.equal(graph.boundaries[0][0], network.stem(x))
    assert torch.equal(graph.logits, network(x))
    some = logit_graph(network, x, boundaries=(1, 3))
    assert torch.equal(some.boundaries[1][0], graph.boundaries[3][0])


@pytest.mark.parametrize("kind", [UNet, Exchange, Partial])
def test_the_signals_at_a_state_are_those_behind_it(kind):
    """Of a value that a block uses and a skip carries on, what the skip brings alone counts."""
    model, x = nn.Sequential(built(kind), nn.Flatten(), nn.LazyLinear(3).double()), image()
    with torch.no_grad():
        model(x)
    captured = capture(model, (x,), {})
    assert any(len(place) > 1 for place in captured.boundaries)
    graph = logit_graph(captured)
    a = gaussian(2, 3, seed=1)
    flat = [value for values in graph.boundaries for value in values]
    signals = iter(torch.autograd.grad(graph.logits, flat, a))
    joint = [torch.cat([next(signals).flatten(1) for _ in each], 1) for each in graph.boundaries]
    for index, segment in enumerate(captured.segments):
        like = captured.ends(segment)[1]
        found = segment_numbers(captured, segment, joint[index + 1].reshape(like.shape)).numbers
        apart = (found.pullback.flatten(1) - joint[index]).norm()
        assert apart <= 1e-12 * joint[index].norm(), segment.name


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda x: x[:, :, None], "need logits"),
        (lambda x: x.detach(), "do not depend on the input"),
        (lambda x: x / 0, "not finite"),
        (nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 3)).double(), "call model.eval"),
        (lambda x: x - x.mean(0), "depends on the other samples"),
        ([], "no functions"),
        (3, "is no network"),
    ],
)  # fmt: skip
def test_what_gives_no_logits_of_each_sample_is_refused(model, words):
    with pytest.raises(InputError, match=words):
        logit_graph(model, inputs())


def test_coupling_is_noticed_wherever_the_other_sample_is():
    """Among a few that are tried alone, and in all the others that are then left out."""
    x, first = inputs(9), torch.eye(9, dtype=torch.float64)[:, :1]
    for read in (lambda v: v[-1], lambda v: v[1:-1].sum(0)):  # a tried one, those left out

        def odd(v: torch.Tensor, read: Callable[[torch.Tensor], torch.Tensor] = read):
            return v + first[: len(v)] * read(v)

        with pytest.raises(InputError, match="depends on the other samples"):
            logit_graph(odd, x)
    assert logit_graph(lambda v: v + first[: len(v)], x).logits.shape == (9, 6)


def test_other_refusals():
    with pytest.raises(InputError, match="no input"):
        logit_graph(classifier())
    with pytest.raises(InputError, match="numbered 0 … 0"):
        logit_graph(classifier(), inputs(), boundaries=(1,))

    class Two(nn.Module):
        def forward(self, x):
            h = (2 * x).exp()
            return h.tanh(), h.sigmoid()

    with pytest.raises(CaptureError, match="several outputs"):
        logit_graph(capture(Two(), (inputs(),), {}))


def test_the_model_and_the_input_come_back_untouched():
    model, x = classifier(), inputs()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    logit_graph(model, x)
    assert not x.requires_grad
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())


def test_a_captured_model_whose_samples_depend_on_each_other_is_refused():
    model = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3)).double()
    captured = capture(model, (inputs(4),), {})
    with pytest.raises(InputError, match="ask for joined=True"):
        logit_graph(captured)
    assert logit_graph(captured, joined=True).logits.shape == (4, 3)
    assert logit_graph(capture(model.eval(), (inputs(4),), {})).logits.shape == (4, 3)


def test_no_signals_are_sent_where_the_recording_tells_the_samples_apart(monkeypatch):
    def sent(*_: object) -> None:
        raise AssertionError("signals are sent")

    monkeypatch.setattr(logit_graphs, "check_rows", sent)
    assert logit_graph(capture(classifier(), (inputs(4),), {})).logits.shape == (4, 5)
    with pytest.raises(AssertionError):  # of this function nothing is known
        logit_graph(capture(lambda v: torch.special.erfcx(v[:, :3]), (inputs(4),), {}))


def test_what_runs_before_the_first_segment_keeps_the_constants_that_it_takes():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    factors, x = gaussian(6, 5, seed=2), gaussian(6, 5, seed=3)

    def model(v: torch.Tensor) -> torch.Tensor:
        return net((v * factors).T)

    captured = capture(model, (x,), {})
    assert "2 operations before it" in captured.unread_before
    assert torch.equal(logit_graph(captured).logits, model(x))
