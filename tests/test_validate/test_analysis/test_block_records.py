"""A block's record holds for every sample of it."""

import torch
from torch import nn

from numeric import capture, segment_numbers, segment_spectra
from numeric.settings import Effort
from validate.analysis.block_records import block_of


def made(g: torch.Tensor, spectra: bool = False):
    torch.manual_seed(0)

    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branch = nn.Sequential(nn.Linear(4, 4), nn.Tanh()).double()

        def forward(self, x):
            return x + self.branch(x)

    found = capture(Skip(), (torch.randn(3, 4).double(),), {})
    (segment,) = found.segments
    numbers = segment_numbers(found, segment, g)
    more = segment_spectra(found, segment, g, Effort()) if spectra else None
    return numbers.numbers, block_of(7, segment, numbers, more, "head")


def test_bounds_are_the_worst_over_the_samples():
    numbers, block = made(torch.randn(3, 4).double())
    for bound, record in zip(numbers.bounds, block.bounds, strict=True):
        worst = bound.value.min() if bound.side == "lower" else bound.value.max()
        assert record.value == worst.item()
        assert record.certainty == bound.certainty
    assert block.gain is not None
    assert (block.gain.min, block.gain.max) == (numbers.gain.min(), numbers.gain.max())
    assert (block.index, block.kind, block.spectrum) == (7, "residual", None)
    assert {bound.holds_for for bound in block.bounds} == {"this backward signal"}


def test_spectra_bring_bounds_for_every_signal():
    _, block = made(torch.randn(3, 4).double(), spectra=True)
    assert "every backward signal" in {bound.holds_for for bound in block.bounds}
    assert block.spectrum is not None
    assert block.gain is not None
    assert block.spectrum.sigma_min_lower is not None
    assert block.spectrum.sigma_max_upper is not None
    assert 0 < block.spectrum.sigma_min_lower <= block.gain.min
    assert block.gain.max <= block.spectrum.sigma_max_upper < 2


def test_samples_without_a_signal_do_not_count():
    g = torch.randn(3, 4).double()
    g[1] = 0
    numbers, block = made(g)
    assert block.gain is not None
    assert block.gain.min == numbers.gain[[0, 2]].min()
    assert all(bound.value is not None for bound in block.bounds)


def test_a_block_without_a_signal_names_the_culprit():
    _, block = made(torch.zeros(3, 4).double())
    assert (block.gain, block.bounds, block.terms.t) == (None, (), None)
    assert block.lost_by == "no signal reaches it: head lets nothing through"
