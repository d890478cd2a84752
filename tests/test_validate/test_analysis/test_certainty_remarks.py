"""What bounds are good for is said: of attention, and of the whole chain."""

from dataclasses import replace

import pytest
import torch
from printed import analysis
from torch import Tensor, nn

from validate.analysis.analysis_document import Analysis, BoundValue, Total
from validate.analysis.analyze import analyze
from validate.analysis.certainty_remarks import certainty_remarks


def x(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).double()


def said(found: Analysis, word: str) -> list[str]:
    return [each for each in found.capture.remarks if word in each]


class ByHand(nn.Module):
    """x + softmax(x W xᵀ) x, or without the softmax, or with weights that do not depend on x."""

    def __init__(self, soft: bool, fixed: bool) -> None:
        super().__init__()
        self.soft, self.fixed, self.w = soft, fixed, nn.Linear(6, 6)
        self.register_buffer("scores", torch.randn(5, 5))

    def forward(self, x: Tensor) -> Tensor:
        scores = self.scores.expand(len(x), 5, 5) if self.fixed else self.w(x) @ x.transpose(1, 2)
        if self.soft:
            scores = scores.softmax(-1)
        return x + torch.tanh(scores @ x)


def test_attention_has_no_global_bound_and_that_is_said_with_its_blocks():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(6, 2, 8, 0.0, batch_first=True).double().eval()
    (remark,) = said(analyze(layer, x(3, 5, 6)), "attention")
    assert "no global bound exists" in remark
    assert "a probable σ only with spectra" in remark


@pytest.mark.parametrize(
    ("soft", "fixed", "found"), [(True, False, 1), (False, False, 0), (True, True, 0)]
)
def test_attention_written_by_hand_is_seen(soft, fixed, found):
    torch.manual_seed(0)
    model = ByHand(soft, fixed).double()
    assert len(said(analyze(model, x(3, 5, 6)), "attention")) == found


def test_a_softmax_alone_is_no_attention():
    model = nn.Sequential(nn.Linear(6, 6), nn.Softmax(-1), nn.Linear(6, 2)).double()
    assert said(analyze(model, x(3, 6)), "attention") == []


@pytest.mark.parametrize("spectra", [False, True])
def test_a_norm_alone_has_a_bound_at_this_input(spectra):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(6, 2, 8, 0.0, batch_first=True).double().eval()
    found = analyze(layer, x(3, 5, 6), spectra=spectra)
    ids = {block.name: [bound.id for bound in block.bounds] for block in found}
    assert [name for name in ids if "norm.scale.upper" in ids[name]] == ["norm1", "norm2"]
    for block in (found["norm1"], found["norm2"]):
        (bound,) = [each for each in block.bounds if each.id == "norm.scale.upper"]
        assert (bound.side, bound.certainty) == ("upper", "exact")
        assert bound.holds_for == "every backward signal"
        assert block.gain is not None
        assert bound.value is not None
        assert block.gain.max <= bound.value <= 3 * block.gain.max
        assert len(block.bounds) == (3 if spectra else 1)


def chain(lower: float, upper: float | None, measured: float) -> list[str]:
    every = "every backward signal"
    bounds = (
        BoundValue("a", "lower", lower, "probable", every, 1e-6),
        BoundValue("b", "upper", upper, "probable", every, 1e-6),
        BoundValue("c", "upper", 1.0, "exact", "this backward signal", None),
    )
    blocks = [replace(analysis().blocks[3], bounds=bounds) for _ in range(4)]
    return certainty_remarks([], blocks, Total(measured, measured, 0.0))


def test_a_product_that_says_nothing_is_called_trivial_with_its_numbers():
    words = "the product of the blocks' bounds for every signal is trivial for the whole chain: "
    assert chain(0.0, 10**1.6, 10**0.32) == [f"{words}10^6.4 above, 0 below, measured 10^0.32"]
    assert "10^-4.00 below" in chain(0.1, 10.0, 1.0)[0]
    assert chain(0.5, 2.0, 1.0) == []  # 16 times above, and something below
    assert chain(0.0, 2.0, 1.0) == []  # from above it says something
    assert chain(0.5, 10.0, 1.0) == []
    assert chain(0.0, None, 1.0) == []  # there is no product
    assert chain(0.0, 2.0, 0.0) == []
