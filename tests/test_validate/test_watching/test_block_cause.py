import pytest
import torch
from test_numeric.branched import Partial, built, image
from test_validate.watched import batch, residual

from numeric.capture.capture import capture
from validate.analysis.analyze import analyze
from validate.watching.block_cause import block_cause
from validate.watching.watch_plan import plan_of


def test_the_cause_is_that_of_an_analysis():
    """Of one sample, so that the batch is its only sample."""
    model, (x, _) = residual(), batch(size=1)
    with torch.no_grad():
        model[2].f[2].weight.mul_(1e3)
        model[4].weight.mul_(1e-3)
    captured = capture(model, (x,), {})
    said = {each.name: each.lost_by for each in analyze(model, x)}
    found = {}
    signal = torch.randn(1, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for place in (4, 3, 2):
        block = plan_of(captured).blocks[place]
        found[block.name] = block_cause(captured, block, [signal])
        segment = captured.segments[place]
        given = captured.value(segment.entry).detach().requires_grad_()
        (signal,) = torch.autograd.grad(model[place](given), given, signal)
    assert found == {name: said[name] for name in found}
    assert "expansion" in found["2"]
    assert "contraction" in found["4"]


def test_without_a_signal_or_with_several_blocks_nothing_is_said():
    model, (x, _) = residual(), batch()
    captured = capture(model, (x,), {})
    (block, *_) = plan_of(captured).blocks
    assert block_cause(captured, block, [None]) is None
    assert block_cause(captured, block, []) is None


@pytest.mark.parametrize("place", [0, -1])
def test_states_have_causes_or_none(place):
    captured = capture(built(Partial), (image(),), {})
    block = plan_of(captured).blocks[place]
    ends = captured.segments[block.segments[-1]].exit
    signals = [1e-3 * captured.value((each,)) for each in ends]
    assert isinstance(block_cause(captured, block, signals), str | None)
