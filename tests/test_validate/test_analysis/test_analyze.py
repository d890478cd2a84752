"""An analysis says what autograd says, and its bounds hold; the model comes back as it was."""

import copy
import math
from itertools import pairwise

import pytest
import torch
from test_numeric.branched import UNet, built, image
from torch import Tensor, nn
from torch.nn import functional

from derivations.errors import InputError
from validate.analysis.analysis_document import Analysis, Terms
from validate.analysis.analysis_text import text
from validate.analysis.analyze import analyze
from validate.networks.build import build


class Block(nn.Module):
    """A residual block whose branch may be dead."""

    def __init__(self, width: int, dead: bool = False, skip: bool = True) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.skip = skip
        if dead:
            nn.init.constant_(self.first.bias, -100.0)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.second(torch.relu(self.first(x)))
        return x + branch if self.skip else branch


def net(*blocks: nn.Module, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 8), *blocks, nn.Linear(8, 3)).double()


def inputs(count: int = 4, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 5, dtype=torch.float64, generator=generator)


def gains_by_hand(model: nn.Sequential, x: Tensor, loss) -> list[Tensor]:
    values = [x.clone().requires_grad_()]
    for part in model:
        values.append(part(values[-1]))
    signals = torch.autograd.grad(loss(values[-1]), values)
    return [before.norm(dim=1) / after.norm(dim=1) for before, after in pairwise(signals)]


def test_gains_are_those_of_autograd():
    model, x, y = net(Block(8), Block(8)), inputs(), torch.tensor([0, 1, 2, 0])
    found = analyze(model, x, y=y)
    expected = gains_by_hand(
        model, x, lambda out: functional.cross_entropy(out, y, reduction="sum")
    )
    assert [block.name for block in found] == ["0", "1", "2", "3"]
    assert [block.kind for block in found] == ["linear", "residual", "residual", "linear"]
    for block, gain in zip(found, expected, strict=True):
        assert block.gain is not None
        assert block.gain.min == pytest.approx(gain.min().item(), rel=1e-12)
        assert block.gain.median == pytest.approx(gain.quantile(0.5).item(), rel=1e-12)
        assert block.gain.max == pytest.approx(gain.max().item(), rel=1e-12)
    assert found.total.relative_error is not None
    assert found.total.relative_error < 1e-12
    assert found.total.measured == pytest.approx(found.total.predicted, rel=1e-12)
    product = torch.stack(expected).prod(0)
    assert found.total.measured == pytest.approx(product.quantile(0.5).item(), rel=1e-12)


@pytest.mark.parametrize("spectra", [False, True])
@pytest.mark.parametrize("name", ["residual-8", "se_residual-8", "dense-10", "plain-8"])
def test_bounds_hold_and_blocks_are_those_of_the_network(name, spectra):
    torch.manual_seed(0)
    model = build(name).double().eval()
    x = torch.randn(3, 1, 8, 8, dtype=torch.float64)
    found = analyze(model, x, spectra=spectra)
    kinds = {block.kind for block in found}
    expected = {
        "residual-8": "residual",
        "se_residual-8": "gated_residual",
        "dense-10": "dense",
        "plain-8": "plain",
    }
    assert expected[name] in kinds
    checked = 0
    for block in found:
        for bound in block.bounds:
            assert block.gain is not None
            if bound.side == "lower":
                assert bound.value is not None
                assert bound.value <= block.gain.min * (1 + 1e-9) + 1e-12
            elif bound.value is not None:
                assert bound.value >= block.gain.max * (1 - 1e-9)
            checked += 1
        if spectra and block.spectrum is not None:
            assert block.gain is not None
            assert block.spectrum.sigma_max_upper is not None
            assert block.spectrum.sigma_max_upper >= block.gain.max * (1 - 1e-9)
    assert checked >= (10 if name != "plain-8" or spectra else 0)


def test_a_dead_block_is_named_with_its_reason_and_those_before_it_with_the_culprit():
    model = net(Block(8), Block(8, dead=True, skip=False), Block(8))
    found = analyze(model, inputs())
    assert found.worst[0].name.startswith("2.")
    assert found.worst[0].gain is not None
    assert found.worst[0].gain.median == 0
    assert "dead units" in (found.worst[0].lost_by or "")
    assert [block.name for block in found.unreached] == ["0", "1"]
    assert found.worst[0].name in (found.unreached[0].lost_by or "")
    assert found.total.measured == 0
    assert all(block.bounds == () for block in found.unreached)


def test_a_zero_branch_has_a_gain_of_exactly_one():
    block = Block(8)
    nn.init.zeros_(block.second.weight)
    found = analyze(net(Block(8), block), inputs())["2"]
    assert found.gain is not None
    assert (found.gain.min, found.gain.max) == (1, 1)
    assert found.terms.t == 0


def test_the_signal_is_seeded_and_changes_with_the_seed():
    model, x = net(Block(8)), inputs()
    first, again, other = (analyze(model, x, seed=seed) for seed in (3, 3, 4))
    assert first.blocks == again.blocks
    assert first.blocks != other.blocks


def test_a_loss_of_the_user_is_backpropagated():
    model, x = net(Block(8)), inputs()
    found = analyze(model, x, loss=lambda out: out.square().sum())
    expected = gains_by_hand(model, x, lambda out: out.square().sum())
    assert found.blocks[1].gain is not None
    assert found.blocks[1].gain.median == pytest.approx(expected[1].quantile(0.5).item(), rel=1e-12)


def test_parameter_gradients_are_those_of_the_batch():
    model, x, y = net(Block(8)), inputs(), torch.tensor([0, 1, 2, 0])
    found = {each.name: each for each in analyze(model, x, y=y).parameters}
    functional.cross_entropy(model(x), y, reduction="sum").backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        assert found[name].gradient_norm == pytest.approx(parameter.grad.norm().item(), rel=1e-12)
        assert found[name].relative == pytest.approx(
            (parameter.grad.norm() / parameter.norm()).item(), rel=1e-12
        )


def test_coupled_samples_get_the_gains_of_the_batch():
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(8)
    model = nn.Sequential(nn.Linear(5, 8), norm, nn.Tanh(), nn.Linear(8, 3)).double().train()
    x = inputs()
    found = analyze(model, x, loss=lambda out: (out**2).sum())
    assert any("coupled" in remark for remark in found.capture.remarks)
    twin = copy.deepcopy(model)
    values = [x.clone().requires_grad_()]
    for part in twin:
        values.append(part(values[-1]))
    signals = torch.autograd.grad((values[-1] ** 2).sum(), values)
    assert found.blocks[0].gain is not None
    assert found.blocks[0].gain.min == found.blocks[0].gain.max
    ends = {
        round(float(a.norm() / b.norm()), 10)
        for index, a in enumerate(signals)
        for b in signals[index + 1 :]
    }
    assert round(found.blocks[0].gain.median, 10) in ends
    assert int(norm.num_batches_tracked) == 0


@pytest.mark.parametrize("batch", ["batch", (), {}])
def test_calibrating_by_what_is_no_batch_is_refused(batch):
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).eval()
    with pytest.raises(InputError, match="calibrate takes a batch of inputs"):
        analyze(model, torch.randn(3, 4), calibrate=batch)


def test_fresh_statistics_are_remarked_first_of_all_and_calibrated_in_a_copy():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)).double().eval()
    plain, calibrated = analyze(model, inputs()), analyze(model, inputs(), calibrate=inputs())
    assert "never updated" in plain.capture.remarks[0]
    assert not any("never updated" in remark for remark in calibrated.capture.remarks)
    assert plain.total.measured != calibrated.total.measured
    assert int(model[1].num_batches_tracked) == 0


def test_calibrating_draws_no_random_numbers():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3)
    ).double()  # in training mode
    generator = torch.get_rng_state()
    first, again = (analyze(model, inputs(), calibrate=inputs()) for _ in range(2))
    assert first.total.measured == again.total.measured
    assert torch.equal(generator, torch.get_rng_state())


def test_the_model_comes_back_as_it_was():
    model = net(Block(8)).train()
    handle = model[1].register_forward_hook(lambda *_: None)
    model[0].weight.grad = torch.ones_like(model[0].weight)
    before = copy.deepcopy(model.state_dict())
    generator = torch.get_rng_state()
    analyze(model, inputs())
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(model[0].weight.grad, torch.ones_like(model[0].weight))
    assert len(model[1]._forward_hooks) == 1
    assert torch.equal(generator, torch.get_rng_state())
    handle.remove()


def test_a_dict_is_keyword_arguments():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(5, 5).double()

        def forward(self, x: Tensor, scale: Tensor) -> Tensor:
            return x + scale * self.layer(x)

    found = analyze(Two(), {"x": inputs(), "scale": torch.full((4, 5), 0.5).double()})
    assert found.blocks


def test_float32_is_compared_at_its_own_precision():
    model, x = net(Block(8)).float(), inputs().float()
    found = analyze(model, x)
    assert found.dtype == "float32"
    assert found.total.relative_error is not None
    assert found.total.relative_error < 1e-5


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((), {}, "no input"),
        ((inputs(),), {"y": torch.zeros(4, dtype=torch.long), "loss": torch.sum}, "not both"),
        ((inputs(),), {"y": torch.zeros(3, dtype=torch.long)}, "y has 3 labels, and the batch"),
        ((inputs(),), {"loss": lambda out: out}, "one finite number"),
        ((inputs(),), {"loss": lambda out: out.sum() * math.inf}, "one finite number"),
    ],
)
def test_what_cannot_be_analyzed_is_refused(arguments, options, said):
    with pytest.raises(InputError, match=said):
        analyze(net(Block(8)), *arguments, **options)


def test_of_a_model_without_numbers_there_is_structure():
    with torch.device("meta"):
        model = net(Block(8), Block(8, skip=False))
    found = analyze(model, inputs().to("meta"))
    assert [block.kind for block in found] == ["linear", "residual", "plain", "linear", "linear"]
    assert found.blocks[1].pullback_latex
    assert all(block.gain is None and block.lost_by is None for block in found)
    assert "meta" in found.capture.remarks[0]
    assert found.total.measured is None
    assert Analysis.of(found.json()) == found


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("y", [None, torch.tensor([0, 1, 2, 0])])
def test_half_precision_is_measured_only(dtype, y):
    model, x = net(Block(8), Block(8)), inputs()
    half = analyze(model.to(dtype), x.to(dtype), y=y, spectra=True)
    assert half.dtype == str(dtype).removeprefix("torch.")
    assert half.capture.remarks[0].startswith(f"the model computes in {half.dtype}: measured only")
    assert "model.float()" in half.capture.remarks[0]
    assert [block.kind for block in half] == ["linear", "residual", "residual", "linear"]
    assert all(block.bounds == () and block.spectrum is None for block in half)
    assert all(block.terms == Terms(None, None) for block in half)
    assert (half.total.predicted, half.total.relative_error) == (None, None)
    # The same weights and input, to all digits: no further apart than those of the format.
    exact = analyze(model.double(), x.to(dtype).double(), y=y)
    for one, other in zip(half, exact, strict=True):
        assert one.gain is not None
        assert other.gain is not None
        assert one.gain.median == pytest.approx(other.gain.median, rel=16 * torch.finfo(dtype).eps)
    assert "measured only" in text(half)
    assert "predicted" not in text(half)
    assert Analysis.of(half.json()) == half


def test_a_model_that_casts_inside_is_measured_only():
    class Cast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = net(Block(8), Block(8)).float()

        def forward(self, x: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                found: Tensor = self.model(x)
            return found

    found = analyze(Cast(), inputs().float())
    assert found.dtype == "float32"
    assert "computes in bfloat16" in found.capture.remarks[0]
    assert "leave autocast out" in found.capture.remarks[0]
    assert all(block.gain is not None and not block.bounds for block in found)
    assert [block.kind for block in found] == ["linear", "residual", "residual", "linear"]


def test_dead_units_are_named_in_half_precision_too():
    model = net(Block(8), Block(8, dead=True, skip=False), Block(8)).bfloat16()
    found = analyze(model, inputs().bfloat16())
    worst = found.worst[0]
    assert worst.gain is not None
    assert worst.gain.max == 0
    assert "all 8 units" in (worst.lost_by or "")
    assert [block.name for block in found.unreached] == ["0", "1"]
    assert worst.name in (found.unreached[0].lost_by or "")


class Halving(torch.autograd.Function):
    """Says that its slope is half of what it is."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, g: Tensor) -> Tensor:
        return 0.5 * g


class Custom(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return x + Halving.apply(self.layer(x))


class Dropped(nn.Module):
    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(8, 8), nn.Dropout(p), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


@pytest.mark.parametrize(
    ("block", "said"), [(Custom(), "Halving says itself"), (Dropped(), "random numbers")]
)
def test_what_says_its_own_gradient_or_draws_numbers_is_measured_only(block, said):
    found = analyze(net(Block(8), block).train(), inputs(), spectra=True)
    measured = found["2"]
    assert measured.gain is not None
    assert measured.terms.t is not None
    assert measured.bounds == ()
    assert measured.spectrum is None
    assert found["1"].bounds
    (remark,) = [each for each in found.capture.remarks if "measured only" in each]
    assert remark.startswith("2: measured only, no bound: ")
    assert said in remark
    for fixed in (net(Block(8), Dropped()).eval(), net(Block(8), Dropped(0.0)).train()):
        assert analyze(fixed, inputs(), spectra=True)["2"].bounds


def test_a_norm_in_training_mode_has_no_bound_for_a_sample():
    model = net(Block(8), nn.BatchNorm1d(8), Block(8)).train()
    found = analyze(model, inputs(), spectra=True)
    assert any("coupled" in each for each in found.capture.remarks)
    assert all(block.spectrum is None for block in found)
    held = {bound.holds_for for block in found for bound in block.bounds}
    assert held == {"this backward signal"}  # of the whole batch, along which all is exact
    for block in found:
        assert block.gain is not None
        assert block.gain.min == block.gain.max


def test_the_document_survives_json():
    found = analyze(net(Block(8), Block(8, dead=True, skip=False)), inputs(), spectra=True)
    assert Analysis.of(found.json()) == found
    assert "NaN" not in found.json()
    assert len(found.rows()) == len(found.blocks)
    with pytest.raises(InputError, match=r"no gradbound\.analyze/1 document"):
        Analysis.of("{}")


def test_of_a_compiled_model_the_written_one_is_analyzed_and_that_is_said():
    model = net(Block(8))
    found = analyze(torch.compile(model, backend="eager"), inputs())
    assert found.blocks == analyze(model, inputs()).blocks
    assert any("torch.compile" in remark for remark in found.capture.remarks)
    assert not any("torch.compile" in r for r in analyze(model, inputs()).capture.remarks)


def test_a_state_in_half_precision_has_no_gain_that_a_skip_is_part_of():
    model, x = built(UNet), image()
    exact, half = analyze(model, x), analyze(model.bfloat16(), x.bfloat16())
    assert [block.name for block in exact] == [block.name for block in half]
    assert any("used on both sides" in each for each in half.capture.remarks)
    pairs = [(a.gain, b.gain) for a, b in zip(exact, half, strict=True) if b.gain is not None]
    assert 2 <= len(pairs) < len(exact.blocks)
    for one, other in pairs:
        assert other.median == pytest.approx(one.median, rel=0.1)
