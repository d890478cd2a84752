from itertools import pairwise

import pytest
import torch
from test_numeric.branched import Exchange, built, image
from test_validate.watched import Branch, batch, by_hand, gains, norm_of, residual
from torch import nn
from torch.nn.functional import cross_entropy

from derivations.errors import CaptureError, InputError
from numeric.capture.capture import capture
from validate.analysis.analyze import analyze
from validate.measure.model_gains import measure_model
from validate.networks.build import build
from validate.watching.watch import watch
from validate.watching.watch_document import WatchDocument


def step(model, x, y):
    cross_entropy(model(x), y).backward()


@pytest.mark.parametrize(("dtype", "rel"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
@pytest.mark.parametrize("inplace", [False, True])
def test_gains_are_those_of_autograd(dtype, rel, inplace):
    model, (x, y) = residual(dtype, inplace=inplace), batch(dtype)
    with watch(model) as watched:
        step(model, x, y)
    assert [(row.block, row.kind) for row in watched.rows] == [
        ("0", "linear"), ("1", "residual"), ("2", "residual"), ("3", "residual"), ("4", "linear")
    ]  # fmt: skip
    expected = by_hand(model, x, y)
    assert gains(watched)[0] is None
    assert gains(watched)[1:] == pytest.approx(expected, rel=rel)
    assert watched.remarks == ()


@pytest.mark.parametrize("name", ["resnet18", "se_resnet50", "densenet121", "plain-8"])
@pytest.mark.parametrize(("dtype", "rel"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_gains_are_those_of_a_measurement(name, dtype, rel):
    size = 8 if name == "plain-8" else 32
    model = build(name, image_size=size).to(dtype)
    x = torch.randn(4, 1 if name == "plain-8" else 3, size, size, dtype=dtype)
    y = torch.randint(10, (4,))
    with watch(model) as watched:
        step(model, x, y)
    captured = capture(model, (x,), {})
    places = [captured.address(value) for (value,) in captured.boundaries]
    measured = measure_model(
        model, (x,), {}, places, lambda out: cross_entropy(out, y), per_sample=False
    )
    expected = [gain.item() for gain in measured.gains]
    assert gains(watched)[0] is None
    assert gains(watched)[1:] == pytest.approx(expected[1:], rel=rel)


def test_gains_of_states_are_those_of_all_their_values():
    model, x = built(Exchange), image()
    with watch(model) as watched:
        model(x).square().sum().backward()
    found = analyze(model, x, loss=lambda out: out.square().sum())
    captured = capture(model, (x,), {})
    signals = []
    for met in captured.met[1:]:
        places = [captured.address(value) for value in met]
        measured = measure_model(
            model, (x,), {}, places, lambda out: out.square().sum(), per_sample=False
        )
        signals.append(torch.stack(measured.norms).norm().item())
    assert gains(watched)[1:] == pytest.approx(
        [before / after for before, after in pairwise(signals)], rel=1e-12
    )
    assert [row.block for row in watched.rows] == [block.name for block in found]


def test_an_input_that_asks_for_a_gradient_gives_the_first_block_a_gain():
    model, (x, y) = residual(), batch()
    x.requires_grad_()
    with watch(model) as watched:
        step(model, x, y)
    assert gains(watched)[0] == pytest.approx(
        (x.grad.norm() / watched.rows[0].signal).item(), rel=1e-12
    )


class Dense(nn.Module):
    """A dense block that concatenates all over again in each layer."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4 + 3 * k, 3) for k in range(3))

    def forward(self, x):
        parts = [x]
        for layer in self.layers:
            parts.append(torch.tanh(layer(torch.cat(parts, 1))))
        return torch.cat(parts, 1)


def test_states_that_a_dense_block_repeats_have_the_gains_of_those_that_it_continues():
    torch.manual_seed(0)
    dense = Dense()
    model = nn.Sequential(nn.Linear(8, 4), dense, nn.Linear(13, 4)).double()
    x, y = batch()
    with watch(model) as watched:
        step(model, x, y)
    states = [model[0](x)]
    for layer in dense.layers:
        states.append(torch.cat([states[-1], torch.tanh(layer(states[-1]))], 1))
    out = model[2](states[-1])
    found = torch.autograd.grad(cross_entropy(out, y), [*states, out])
    norms = [each.norm().item() for each in found]
    assert [row.kind for row in watched.rows] == ["linear", *["dense"] * 3, "linear"]
    expected = [norms[k] / norms[k + 1] for k in range(4)]
    assert gains(watched)[1:] == pytest.approx(expected, rel=1e-12)


def test_parameters_have_their_gradients_and_their_share_of_the_weights():
    model, (x, y) = residual(), batch()
    with watch(model) as watched:
        step(model, x, y)
    rows = {row.name: row for row in watched.parameters}
    assert rows.keys() == {*dict(model.named_parameters()), "(all)"}
    for name, p in model.named_parameters():
        assert rows[name].gradient == pytest.approx(p.grad.norm().item(), rel=1e-12)
        assert rows[name].relative == pytest.approx((p.grad.norm() / p.norm()).item(), rel=1e-12)
    total = rows["(all)"].gradient, rows["(all)"].relative
    assert total[1] == pytest.approx(total[0] / norm_of([*model.parameters()]), rel=1e-12)
    assert total[0] == pytest.approx(
        nn.utils.clip_grad_norm_(model.parameters(), 1e-3).item(), rel=1e-12
    )


def test_every_kth_forward_pass_is_watched_and_every_kth_of_these_in_detail():
    model, (x, y) = residual(), batch()
    with watch(model, every=2, details=2) as watched:
        for _ in range(7):
            step(model, x, y)
    assert sorted({row.step for row in watched.rows}) == [0, 2, 4, 6]
    assert sorted({row.step for row in watched.parameters}) == [0, 4]
    assert [row.dead is not None for row in watched.rows if row.block == "1"] == [1, 0, 1, 0]


def test_passes_without_gradients_are_no_steps():
    model, (x, y) = residual(), batch()
    with watch(model) as watched:
        with torch.no_grad():
            model(x)
        with torch.inference_mode():
            model(x)
        step(model, x, y)
    assert {row.step for row in watched.rows} == {0}
    assert len(watched.rows) == 5


class Scalars:
    def __init__(self):
        self.found = []

    def add_scalar(self, tag, value, step):
        self.found.append((tag, value, step))


def test_a_writer_gets_scalars_by_tag_and_step():
    model, (x, y) = residual(), batch()
    writer = Scalars()
    with watch(model, writer=writer) as watched:
        step(model, x, y)
        step(model, x, y)
    found = {(tag, at): value for tag, value, at in writer.found}
    assert len(found) == len(writer.found)
    assert found["gain/2", 1] == gains(watched, 1)[2]
    assert found["gradient/(all)", 0] == pytest.approx(watched.parameters[-1].gradient)
    assert found["relative/0.weight", 0] > 0
    assert ("gain/0", 0) not in found


def test_alerts_name_the_block_the_step_and_the_cause():
    model, (x, y) = residual(), batch()
    with torch.no_grad():
        model[0].weight.zero_()  # all the same hidden units
        model[4].weight.mul_(1e-6)
    with watch(model, patience=2) as watched:
        for _ in range(3):
            step(model, x, y)
    (alert,) = watched.alerts
    assert (alert.step, alert.block, alert.what) == (1, "4", "dying")
    assert alert.number == pytest.approx(gains(watched, 1)[4])
    assert "no skip" in alert.cause
    assert watch(residual(), alerts=False).alerts == []


def test_rows_of_the_last_passes_are_kept():
    model, (x, y) = residual(), batch()
    with watch(model, keep=2) as watched:
        for _ in range(40):
            step(model, x, y)
    assert sorted({row.step for row in watched.rows}) == [38, 39]


def test_other_shapes_are_captured_anew_and_then_looked_at_as_before():
    model = residual()
    with watch(model) as watched:
        for size in range(1, 12):
            x, y = batch(size=size)
            step(model, x, y)
    assert {row.step for row in watched.rows} == set(range(11))
    assert any("often enough" in remark for remark in watched.remarks)
    assert gains(watched, 10)[1:] == pytest.approx(by_hand(model, x, y), rel=1e-12)


def test_another_structure_is_captured_anew():
    model, (x, y) = residual(), batch()
    with watch(model) as watched:
        step(model, x, y)
        model.insert(2, Branch(16).double())
        step(model, x, y)
    assert [row.block for row in watched.rows if row.step == 1] == list("012345")
    assert gains(watched, 1)[1:] == pytest.approx(by_hand(model, x, y), rel=1e-12)


class Moody(nn.Module):
    """Runs otherwise each second time, for no reason that an input shows."""

    def __init__(self):
        super().__init__()
        self.inner = residual()

    def forward(self, x):
        count = len(seen)
        if not torch._C._functorch.peek_interpreter_stack():
            seen.append(0)
        return self.inner(x.tanh() if count % 2 else x)


seen: list[int] = []


def test_a_run_that_is_not_the_captured_one_gives_no_rows_and_is_captured_anew():
    seen.clear()
    model, (x, y) = Moody(), batch()
    with watch(model) as watched:
        for _ in range(4):
            step(model, x, y)
    assert {row.step for row in watched.rows} == {0, 2}
    assert any("forward pass 1" in remark for remark in watched.remarks)
    assert gains(watched, 2)[1:] == pytest.approx(by_hand(model.inner, x, y), rel=1e-12)


def test_limits_that_are_none_are_refused():
    model = residual()
    for wrong in ({"every": 0}, {"details": 0}, {"keep": 0}, {"patience": 0}, {"min_gain": 1e3}):
        with pytest.raises(InputError):
            watch(model, **wrong)
    with pytest.raises(InputError, match="unknown limit among min_gian"):
        watch(model, min_gian=0.1)
    with watch(model), pytest.raises(InputError, match="watched already"):
        watch(model)
    watch(model).close()


def test_a_model_that_cannot_be_captured_says_so_at_its_first_step():
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.ones(3))

        def forward(self, x):
            return self.w * x.detach()

    model = Constant()
    with watch(model):
        with pytest.raises(CaptureError, match="differentiable"):
            model(torch.ones(2, 3))
        assert torch.overrides._len_torch_function_stack() == 0


def test_the_norm_of_all_parameters_is_not_clipped():
    model, (x, y) = residual(), batch()
    with watch(model) as watched:
        step(model, x, y)
        raw = norm_of([p.grad for p in model.parameters()])
        nn.utils.clip_grad_norm_(model.parameters(), raw / 10)
    assert watched.parameters[-1].gradient == pytest.approx(raw, rel=1e-12)


def test_what_was_watched_is_saved_whole_and_read_back(tmp_path):
    model, (x, y) = residual(), batch()
    with watch(model, every=2) as watched:
        for _ in range(3):
            step(model, x, y)
    watched.save(tmp_path / "training.json")
    assert [path.name for path in tmp_path.iterdir()] == ["training.json"]
    found = WatchDocument.of((tmp_path / "training.json").read_bytes())
    assert (found.target, found.every) == (type(model).__name__, 2)
    assert list(found.blocks) == watched.rows
    assert list(found.parameters) == watched.parameters
    assert {row.step for row in found.blocks} == {0, 2}
    assert found.remarks == watched.remarks
    with pytest.raises(InputError, match="cannot write"):
        watched.save(tmp_path / "none" / "training.json")


def test_a_signal_that_is_no_number_is_saved_as_null():
    model, (x, _) = residual(), batch()
    with watch(model) as watched:
        (model(x).sum() * float("nan")).backward()
    assert "non_finite" in [alert.what for alert in watched.alerts]
    text = watched.to_json()
    assert "NaN" not in text
    assert "Infinity" not in text
    found = WatchDocument.of(text)
    assert [alert.what for alert in found.alerts] == [alert.what for alert in watched.alerts]
    assert found.alerts[0].number is None
    assert all(row.signal is None for row in found.blocks)
