"""Signals that mix behind a dead layer are found, and what keeps samples apart is not accused."""

import pytest
import torch
from strategies import gaussian
from torch import Tensor, nn
from torch.nn import functional

from numeric import capture
from validate.analysis.analysis_document import Analysis
from validate.analysis.analyze import analyze
from validate.analysis.signal_comparison import SignalComparison
from validate.inside.mixed_signals import rows_mix, signals_mix
from validate.measure.model_gains import coupled

BATCH = 5
Y = torch.tensor([0, 1, 2, 0, 1])
WHOLE = "gains and bounds are of the whole batch"


class Rolled(torch.autograd.Function):
    """An operation of the user's own, of which nothing is known."""

    @staticmethod
    def forward(ctx, h):
        return h + 0.5 * h.roll(1, 0)

    @staticmethod
    def backward(ctx, g):
        return g + 0.5 * g.roll(-1, 0)


class Custom(nn.Module):
    def forward(self, h: Tensor) -> Tensor:
        return Rolled.apply(h)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 5, batch_first=True)

    def forward(self, h: Tensor) -> Tensor:
        return self.lstm(h)[0]


def x(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(5, *shape, generator=generator, dtype=torch.float64)


def dead(*behind: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    first = nn.Linear(6, 5)
    nn.init.constant_(first.bias, -100.0)
    return nn.Sequential(first, nn.ReLU(), nn.Linear(5, 5), *behind, nn.Linear(5, 3)).double()


def test_a_dead_layer_hides_nothing():
    model = dead(Custom(), nn.Tanh())
    assert not coupled(model, (x(6),), {}, model(x(6)))
    assert signals_mix(capture(model, (x(6),), {}))


def test_samples_that_are_mixed_and_put_back_are_found():
    class Flip(nn.Module):
        def forward(self, h: Tensor) -> Tensor:
            return h.flip(0)

    torch.manual_seed(0)
    model = nn.Sequential(Flip(), nn.Linear(6, 6), nn.Linear(6, 5), Flip()).double()
    assert not coupled(model, (x(6),), {}, model(x(6)))
    assert signals_mix(capture(model, (x(6),), {}))


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_samples_that_are_apart_stay_so(batch):
    torch.manual_seed(0)
    model = nn.Sequential(Recurrent(), nn.Flatten(), nn.Linear(20, 6), nn.ReLU(), nn.Linear(6, 2))
    assert not signals_mix(capture(model.double(), (x(4, 5)[:batch],), {}))


def test_what_does_not_run_by_itself_is_taken_for_mixed():
    class Cast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3))

        def forward(self, h: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return self.inner(h)

    assert signals_mix(capture(Cast(), (x(6).float(),), {}))


class Turned(torch.autograd.Function):
    """An exchange of two axes that no table knows."""

    @staticmethod
    def forward(ctx, h):
        return h.transpose(0, 1).clone()

    @staticmethod
    def backward(ctx, g):
        return g.transpose(0, 1)


class Tokens(nn.Module):
    """Blocks on (tokens, batch, …) between an input and logits whose batch comes first."""

    def __init__(self, blocks: int, known: bool = True) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(4, 6), nn.Linear(6, 3)
        self.blocks = nn.ModuleList(nn.Linear(6, 6) for _ in range(blocks))
        self.known = known

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x.transpose(0, 1) if self.known else Turned.apply(x))
        for block in self.blocks:
            h = h + block(h).tanh()
        return self.head(h.mean(0))


def analyzed(blocks: int, tokens: int, seed: int = 0, known: bool = True) -> Analysis:
    torch.manual_seed(seed)
    model = Tokens(blocks, known).double()
    return analyze(model, gaussian(BATCH, tokens, 4, seed=seed), y=Y, every_loss=True)


@pytest.mark.parametrize("seed", range(6))
def test_few_blocks_on_tokens_are_one_that_ends_where_samples_come_first(seed):
    torch.manual_seed(seed)
    model, x = Tokens(1).double(), gaussian(BATCH, BATCH, 4, seed=seed)
    found = analyze(model, x, y=Y, every_loss=True)
    leaf = x.clone().requires_grad_()
    logits = model(leaf)
    a = logits.softmax(1).detach() - functional.one_hot(Y)
    (sent,) = torch.autograd.grad(logits, leaf, a)
    behind = (a @ model.head.weight.detach()).norm(dim=1)
    gains = sent.flatten(1).norm(dim=1) / behind
    one, head = found.blocks
    assert one.gain is not None
    assert head.gain is not None
    assert one.gain.min == pytest.approx(float(gains.min()))
    assert one.gain.max == pytest.approx(float(gains.max()))
    assert head.gain.max == pytest.approx(float((behind / a.norm(dim=1)).max()))
    assert any(each.id.startswith("every_loss") for each in one.bounds)
    assert not any("lies outside" in each for each in found.capture.remarks)


def test_values_are_one_state_where_their_first_axis_counts_the_same():
    torch.manual_seed(0)
    flow = capture(Tokens(1).double(), (gaussian(BATCH, BATCH, 4, seed=0),), {}).flow
    turned = flow.steps[0].value
    assert flow.moved
    assert turned in flow.moved
    assert flow.fits(turned, turned)
    assert not flow.fits(turned, flow.source)
    assert not flow.fits(flow.source, turned)


@pytest.mark.parametrize("blocks", [1, 4])
def test_as_many_tokens_as_samples_change_nothing(blocks):
    same, fewer = (analyzed(blocks, tokens) for tokens in (BATCH, BATCH - 1))
    assert [each.name for each in same.blocks] == [each.name for each in fewer.blocks]
    assert same.capture.remarks == fewer.capture.remarks
    assert any(WHOLE in each for each in same.capture.remarks) == (blocks == 4)


@pytest.mark.parametrize("blocks", [1, 4])
@pytest.mark.parametrize("seed", range(3))
def test_of_an_unknown_exchange_the_whole_batch_counts(blocks, seed):
    found = analyzed(blocks, BATCH, seed, known=False)
    assert any(WHOLE in each for each in found.capture.remarks)
    assert not any(e.id.startswith("every_loss") for block in found.blocks for e in block.bounds)


class Outside(nn.Module):
    """Exchanges before the chain of blocks begins and behind its end."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.a, self.b = nn.Embedding(9, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.first, self.second = nn.Linear(4, 3), nn.Linear(4, 2)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        h = self.tokens(Turned.apply(ids))
        h = h + self.a(h).tanh()
        h = h + self.b(h).tanh()
        return self.first(Turned.apply(h)), self.second(Turned.apply(h))


def test_an_exchange_outside_of_the_blocks_is_found_by_the_models_own_backward_pass():
    torch.manual_seed(0)
    model, ids = Outside().double(), torch.randint(9, (BATCH, BATCH))
    captured = capture(model, (ids,), {})
    assert not coupled(model, (ids,), {}, model(ids))
    assert not signals_mix(captured)
    assert SignalComparison(captured, model, (ids,), {}, False, 0)._are_joined()
    assert any(WHOLE in each for each in analyze(model, ids).capture.remarks)


def test_rows_of_samples_are_left_apart_and_what_cannot_be_measured_is_not():
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3)).double(), x_of(4)
    captured = capture(model, (x,), {})
    places = [captured.address(value) for (value,) in captured.boundaries]
    given = (model, (x,), {}, [each for each in places if each is not None], None)
    assert not rows_mix(*given, batch=BATCH)
    assert rows_mix(lambda v: model(v).detach(), *given[1:], batch=BATCH)


def x_of(*shape: int) -> Tensor:
    return gaussian(BATCH, *shape, seed=0)
