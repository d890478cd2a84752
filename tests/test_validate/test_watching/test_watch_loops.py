import pytest
import torch
from test_validate.watched import Branch, Gated, batch, by_hand, gains, norm_of, residual
from torch import nn
from torch.nn.functional import cross_entropy

from validate.watching.watch import watch


def step(model, x, y):
    cross_entropy(model(x), y).backward()


def test_a_scaled_loss_changes_no_gain_but_signals_and_parameters():
    model, (x, y) = residual(), batch()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    with watch(model, details=1) as watched:
        step(model, x, y)
        model.zero_grad()
        scaler.scale(cross_entropy(model(x), y)).backward()
    assert gains(watched, 1)[1:] == pytest.approx(gains(watched)[1:], rel=1e-12)
    plain, scaled = (watched.rows[5 * k + 2].signal for k in range(2))
    assert scaled == pytest.approx(1024 * plain, rel=1e-12)
    sizes = [row.gradient for row in watched.parameters if row.name == "(all)"]
    assert sizes[1] == pytest.approx(1024 * sizes[0], rel=1e-12)


def test_gradients_add_up_over_several_backward_passes():
    model = residual()
    halves = [batch(seed=seed) for seed in (1, 2)]
    with watch(model, details=1) as watched:
        for x, y in halves:
            step(model, x, y)
    for at, (x, y) in enumerate(halves):
        assert gains(watched, at)[1:] == pytest.approx(by_hand(model, x, y), rel=1e-12)
    added = norm_of([p.grad for p in model.parameters()])
    assert watched.parameters[-1].gradient == pytest.approx(added, rel=1e-12)


def test_two_forward_passes_before_one_backward_pass_keep_their_rows_apart():
    model = residual()
    (x, y), (u, v) = batch(seed=1), batch(seed=2)
    with watch(model, details=1) as watched:
        first, second = model(x), model(u)
        (cross_entropy(first, y) + 3 * cross_entropy(second, v)).backward()
    assert gains(watched, 0)[1:] == pytest.approx(by_hand(model, x, y), rel=1e-12)
    assert gains(watched, 1)[1:] == pytest.approx(by_hand(model, u, v), rel=1e-12)
    assert {row.step for row in watched.parameters} == {1}
    assert len(watched.rows) == 10


def test_backward_passes_in_another_order_find_their_forward_passes():
    model = residual()
    (x, y), (u, v) = batch(seed=1), batch(seed=2)
    with watch(model) as watched:
        first, second = model(x), model(u)
        cross_entropy(second, v).backward()
        cross_entropy(first, y).backward()
    assert [row.step for row in watched.rows] == [1] * 5 + [0] * 5
    assert gains(watched, 0)[1:] == pytest.approx(by_hand(model, x, y), rel=1e-12)


def test_each_backward_pass_through_one_forward_pass_gives_rows():
    model, (x, y) = residual(), batch()
    with watch(model) as watched:
        out = model(x)
        cross_entropy(out, y).backward(retain_graph=True)
        out.square().sum().backward()
    assert [row.step for row in watched.rows] == [0] * 10
    assert watched.rows[1].gain != watched.rows[6].gain


def test_gradients_that_are_asked_for_leave_parameters_out():
    model, (x, y) = residual(), batch()
    step(model, x, y)
    with watch(model) as watched:
        loss = cross_entropy(model(x), y)
        torch.autograd.grad(loss, [*model.parameters()], create_graph=True)
    assert gains(watched)[1:] == pytest.approx(by_hand(model, x, y), rel=1e-12)
    assert watched.parameters == []


def test_a_checkpoint_that_does_not_reenter_changes_nothing():
    model, (x, y) = residual(reentrant=False, inplace=True), batch()
    with watch(model) as watched:
        step(model, x, y)
        step(model, x, y)
    assert gains(watched, 1)[1:] == pytest.approx(by_hand(residual(), x, y), rel=1e-12)
    assert watched.remarks == ()


def test_a_checkpoint_that_reenters_is_named_and_gives_no_wrong_number():
    model, (x, y) = residual(reentrant=True), batch()
    with watch(model) as watched:
        step(model, x, y)
    assert any("re-entrant checkpoint" in remark for remark in watched.remarks) or watched.rows
    for found, expected in zip(gains(watched)[1:], by_hand(residual(), x, y), strict=False):
        assert found is None or found == pytest.approx(expected, rel=1e-12)


def test_autocast_gives_the_gains_of_the_narrow_signals():
    model, (x, y) = residual(torch.float32), batch(torch.float32)
    with watch(model) as watched:
        for _ in range(2):
            with torch.autocast("cpu", torch.bfloat16):
                loss = cross_entropy(model(x), y)
            loss.backward()
    assert gains(watched, 1)[1:] == pytest.approx(by_hand(model, x, y), rel=0.02)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(cross_entropy(model(x), y), loss)


def test_frozen_blocks_have_no_gain_and_no_alert():
    model, (x, y) = residual(), batch()
    model[:2].requires_grad_(False)
    with watch(model, patience=1) as watched:
        step(model, x, y)
    assert [gain is None for gain in gains(watched)] == [True, True, True, False, False]
    assert gains(watched)[3:] == pytest.approx(by_hand(residual(), x, y)[2:], rel=1e-12)
    assert watched.alerts == []
    assert not any(row.name.startswith("1.") for row in watched.parameters)


def relu_net():
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.Linear(16, 4))
    return model.double()


def test_dead_units_are_counted_and_named():
    model, (x, y) = relu_net(), batch()
    with torch.no_grad():
        model[0].bias[:14] = -1e3
    with watch(model, patience=2, details=1, dead_share=0.8) as watched:
        step(model, x, y)
        step(model, x, y)
    assert watched.rows[0].dead >= 14 / 16
    (alert,) = watched.alerts
    assert (alert.what, alert.step, alert.block) == ("dead_units", 1, watched.rows[0].block)
    assert alert.number == watched.rows[0].dead


def test_a_dead_branch_is_told_in_the_first_look():
    model, (x, y) = nn.Sequential(nn.Linear(8, 16), Branch(16), nn.Linear(16, 4)).double(), batch()
    with torch.no_grad():
        model[1].f[0].bias.fill_(-20.0)
    with watch(model) as watched:
        step(model, x, y)
    (alert,) = watched.alerts
    assert (alert.what, alert.step, alert.block, alert.number) == ("dead_units", 0, "1", 1.0)


def test_blocks_that_no_signal_reaches_are_not_dead():
    parts = [nn.Linear(16, 16), nn.ReLU()]
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), *parts, nn.Linear(16, 4)).double()
    x, y = batch()
    with torch.no_grad():
        model[2].bias.fill_(-100.0)
    with watch(model) as watched:
        step(model, x, y)
    dead = [row.dead for row in watched.rows]
    assert max(each for each in dead if each is not None) == 1.0
    assert dead[0] is not None
    assert dead[0] < 0.5
    assert {each.block for each in watched.alerts if each.what == "dead_units"} == {"2"}


def test_a_zero_weight_is_named():
    model, (x, y) = relu_net(), batch()
    with torch.no_grad():
        model[3].weight.zero_()
    with watch(model) as watched:
        step(model, x, y)
    (alert,) = watched.alerts
    assert (alert.block, alert.what) == ("3", "vanished")
    assert alert.cause == "no signal leaves it: the weight of 3 is 0"


def test_a_vanished_signal_names_the_block_that_loses_it():
    model, (x, y) = relu_net(), batch()
    with torch.no_grad():
        model[2].weight.zero_()
    with watch(model) as watched:
        step(model, x, y)
        step(model, x, y)
    (alert,) = watched.alerts
    assert (alert.what, alert.step, alert.block, alert.number) == ("vanished", 0, "2", 0)
    assert gains(watched)[1] == 0
    assert watched.rows[0].gain is None
    assert watched.rows[0].signal == 0


def test_a_signal_that_is_no_number_names_the_block_that_makes_it():
    model, (x, y) = residual(), batch()
    with watch(model) as watched:
        step(model, x, y)
        with torch.no_grad():
            model[2].f[2].weight[0, 0] = float("inf")
        model(x).sum().backward()
    assert [alert.what for alert in watched.alerts] == ["non_finite"]
    assert watched.alerts[0].step == 1
    assert all(row.gain is None for row in watched.rows[5:7])


def test_a_shut_gate_is_named():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), Gated(16), nn.Linear(16, 4)).double()
    x, y = batch()
    with watch(model, patience=2, min_gain=0.0) as watched:
        step(model, x, y)
        with torch.no_grad():
            model[1].gate.bias.fill_(-9.0)
        step(model, x, y)
        step(model, x, y)
    opening = torch.sigmoid(model[1].gate(model[0](x))).mean().item()
    assert watched.rows[-2].gate == pytest.approx(opening, rel=1e-6)
    (alert,) = watched.alerts
    assert (alert.what, alert.step, alert.block) == ("gate_shut", 2, watched.rows[1].block)


def test_a_model_that_calls_itself_is_one_forward_pass():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.f = nn.Linear(8, 8)

        def forward(self, x, again=True):
            return self(torch.tanh(self.f(x)), again=False) if again else self.f(x)

    model, (x, y) = Twice().double(), batch()
    with watch(model) as watched:
        step(model, x, y)
        step(model, x, y)
    assert {row.step for row in watched.rows} == {0, 1}
    assert [row.gain is None for row in watched.rows] == [True, False] * 2
