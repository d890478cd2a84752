"""Structure against runs: what is said to keep samples apart does, whatever it is made of."""

import pytest
import torch
import torch.nn.functional as F
from random_models import RandomModel
from torch import Tensor, nn

from numeric.recording.record import record
from numeric.recording.samples_apart import moved_samples, samples_apart
from validate.measure.model_gains import coupled

BATCH = 4
W = torch.linspace(-1, 1, 36).reshape(6, 6)


def x(*shape: int) -> Tensor:
    return torch.randn(BATCH, *(shape or (6,)), generator=torch.Generator().manual_seed(0))


class Many(nn.Module):
    """Attention of many heads, the batch where `batch_first` says."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2, batch_first=batch_first)

    def forward(self, h: Tensor) -> Tensor:
        return self.attention(h, h, h, need_weights=False)[0]


class linear(torch.autograd.Function):
    """One that is named like a layer, and is none."""

    @staticmethod
    def forward(ctx, h):
        return h + h.roll(1, 0)

    @staticmethod
    def backward(ctx, g):
        return g + g.roll(-1, 0)


def filled(h: Tensor, rows: bool) -> Tensor:
    made = h.clone()
    if rows:
        made[0] = h[1].tanh()
    else:
        made[:, 1:] = h[:, :-1].tanh()
        made[:, 0] = h[:, 3]
    return made.roll(1, 1).flip(1)


def stored(layer: nn.Module) -> nn.Module:
    return layer.eval()


APART = {
    "layers": (nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.LayerNorm(5), nn.Softmax(1)), x()),
    "images": (
        stored(
            nn.Sequential(
                nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
                nn.GroupNorm(2, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2),
            )
        ),
        x(3, 8, 8),
    ),
    "attention": (Many(True).eval(), x(5, 6)),
    "batch second": (lambda h: Many(False).eval()(h.transpose(0, 1)).transpose(0, 1), x(5, 6)),
    "products": (lambda h: torch.bmm(h, h.transpose(1, 2)), x(5, 6)),
    "instances": (nn.InstanceNorm1d(5, track_running_stats=True).train(), x(5, 6)),
    "heads": (lambda h: h.view(BATCH, 5, 2, 3).permute(0, 2, 1, 3).reshape(BATCH, -1), x(5, 6)),
    "moved and back": (lambda h: h.t().unsqueeze(0).squeeze(0)[:3].t(), x()),
    "parts": (lambda h: torch.cat([h[:, :2] * 2, *h[:, 2:].split(2, 1)], 1), x()),
    "means": (lambda h: (h - h.mean(1, keepdim=True)) * h.amax(-1)[:, None], x()),
    "means before": (lambda h: h.transpose(0, 1).mean(0)[:, None] + h, x()),
    "masks": (lambda h: torch.where(h > 0, h, h.exp()).masked_fill(h < -1, 0.0), x()),
    "patches": (lambda h: F.pad(h, (1, 1)).unbind(1)[1][:, 1:5] + h.select(1, 2), x(3, 4)),
    "filled": (lambda h: filled(h, rows=False), x()),
    "dropout": (nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.5)), x()),
    "attended": (lambda h: F.scaled_dot_product_attention(h, h, h), x(2, 5, 3)),
}  # fmt: skip
COUPLED = {
    "mean": (lambda h: h + h.mean(0), x()),
    "mean of all": (lambda h: h + h.mean(), x()),
    "softmax": (lambda h: h.softmax(0), x()),
    "sum before": (lambda h: h.t().sum(1, keepdim=True).t() + h, x()),
    "in turn": (lambda h: h.cumsum(0), x()),
    "roll": (lambda h: h.roll(1, 0), x()),
    "product": (lambda h: h @ h.t() @ h, x()),
    "matrix from x": (lambda h: torch.mm(torch.ones(BATCH, BATCH), h), x()),
    "weights from x": (lambda h: F.linear(h, h), x()),
    "train mode": (nn.BatchNorm1d(6).train(), x()),
    "no statistics": (nn.BatchNorm1d(6, track_running_stats=False).eval(), x()),
    "across": (lambda h: h.t().reshape(BATCH, 6).contiguous(), x()),
    "square": (lambda h: h[:, :BATCH] + h[:, :BATCH].t(), x()),
    "attention": (Many(False).eval(), x(5, 6)),
    "attention across": (
        lambda h: F.scaled_dot_product_attention(*[h.transpose(0, 1)] * 3).transpose(0, 1),
        x(5, 6),
    ),
    "layer norm": (lambda h: F.layer_norm(h, (BATCH, 6)), x()),
    "part": (lambda h: torch.cat([h[:2] * 2, h[:2] + h[2:]], 0), x()),
    "filled": (lambda h: filled(h, rows=True), x()),
    "filled by parts": (lambda h: torch.slice_scatter(h, h[:-1], 0, 1), x()),
    "flip": (lambda h: h.flip(0) + h, x()),
    "in chunks": (lambda h: torch.cat([p.flip(0) for p in h.split(2, 0)], 0), x()),
    "read": (lambda h: h * float(h[0, 0]), x()),
    "listed": (lambda h: h * max(map(max, h.tolist())), x()),
    "turned": (lambda h: h.t(), x()),
    "twice": (lambda h: torch.cat([h, h], 0), x()),
    "asked": (lambda h: h * 2 if h.sum() > 0 else h * 3, x()),
    "channels": (lambda h: F.conv1d(h[None], torch.ones(BATCH, BATCH, 1))[0], x()),
    "custom": (linear.apply, x()),
    "padded": (lambda h: F.pad(h, (0, 0, 1, 0))[:BATCH] + h, x()),
}


@pytest.mark.parametrize("name", APART)
def test_samples_of_usual_networks_are_known_to_be_apart(name: str) -> None:
    model, given = APART[name]
    torch.manual_seed(0)
    assert samples_apart(record(model, (given,), {}))
    torch.manual_seed(0)
    with torch.random.fork_rng():
        made = model(given)
    assert not coupled(model, (given,), {}, made)


@pytest.mark.parametrize("name", COUPLED)
def test_of_coupled_samples_nothing_is_said(name: str) -> None:
    model, given = COUPLED[name]
    assert not samples_apart(record(model, (given,), {}))


@pytest.mark.parametrize(
    "name", [name for name in COUPLED if name not in ("asked", "read", "listed")]
)
def test_coupled_samples_are_coupled(name: str) -> None:
    model, given = COUPLED[name]
    assert coupled(model, (given,), {}, model(given))


SURE = (
    "mean", "mean of all", "softmax", "sum before", "in turn", "train mode", "no statistics",
    "layer norm",
)  # fmt: skip


@pytest.mark.parametrize("dead", [False, True])
@pytest.mark.parametrize("name", SURE)
def test_what_mixes_samples_does_so_whatever_their_values(name: str, dead: bool) -> None:
    model, given = COUPLED[name]
    first = (lambda h: F.relu(h - 100)) if dead else torch.tanh
    assert samples_apart(record(lambda h: model(first(h)), (given,), {})) is False


def test_of_operations_in_no_table_nothing_is_known_but_of_a_batch_norm_behind_them() -> None:
    norm = nn.BatchNorm1d(6).train()
    assert samples_apart(record(torch.special.erfcx, (x(),), {})) is None
    assert samples_apart(record(lambda h: norm(torch.special.erfcx(h)), (x(),), {})) is False
    behind = lambda h: torch.special.erfcx(h) + norm(torch.ones(4, 6))  # noqa: E731
    assert samples_apart(record(behind, (x(),), {})) is None


def test_what_leads_to_no_result_mixes_nothing() -> None:
    norm = nn.BatchNorm1d(6).train()

    def aside(h: Tensor) -> Tensor:
        norm(h)
        return h.tanh()

    assert samples_apart(record(aside, (x(),), {}))


def test_random_networks_agree_with_their_runs() -> None:
    known = 0
    for seed in range(60):
        model, given = RandomModel(seed), x(4, 4, 4).double()
        apart = samples_apart(record(model, (given,), {})) is True
        known += apart
        assert not (apart and coupled(model, (given,), {}, model(given)))
    assert known > 50


def test_one_sample_and_no_batch_are_left_to_others() -> None:
    assert not samples_apart(record(torch.tanh, (torch.ones(1, 3),), {}))
    assert not samples_apart(record(torch.tanh, (torch.ones(()),), {}))


def test_several_inputs_and_results() -> None:
    def both(one: Tensor, other: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
        return one + other * shared, other.tanh()

    assert samples_apart(record(both, (x(), x(), torch.ones(6)), {}))
    assert not samples_apart(record(lambda a, b: (a, b), (x(), torch.ones(3, 6)), {}))


def test_between_two_exchanges_samples_are_not_first() -> None:
    middle: dict[str, Tensor] = {}

    def turned(h: Tensor) -> Tensor:
        middle["value"] = h.transpose(0, 1).tanh()
        return middle["value"].transpose(0, 1)

    for tokens in (BATCH, BATCH + 1):
        made = record(turned, (x(tokens, 6),), {})
        inside = [number for node in made.nodes[:2] for number in node.outputs if number]
        assert samples_apart(made) is True
        assert samples_apart(made, inside) is None
        assert samples_apart(made, made.inputs) is True
        assert moved_samples(made) == (set(inside) if tokens == BATCH else set())
