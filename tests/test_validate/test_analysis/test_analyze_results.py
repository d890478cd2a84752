"""A model may return several tensors: the loss says which of them the blocks lead to."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from derivations.errors import CaptureError, InputError
from validate.analysis.analysis_document import Analysis
from validate.analysis.analyze import analyze
from validate.watching.assert_flow import assert_flow


class Heads(nn.Module):
    """A trunk with two heads, and its last state."""

    def __init__(self, pack: Callable[[Tensor, Tensor, Tensor], Any]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.trunk = nn.Sequential(nn.Linear(5, 8), nn.Tanh())
        self.one, self.other = nn.Linear(8, 3), nn.Linear(8, 2)
        self.pack = pack
        self.double()

    def forward(self, x: Tensor) -> Any:
        h = self.trunk(x)
        return self.pack(self.one(h), self.other(h), h)


def x(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).double()


def said(found: Analysis) -> str:
    return "\n".join(found.capture.remarks)


@pytest.mark.parametrize(
    ("pack", "pick", "number"),
    [
        (lambda a, b, h: (a, b, h), lambda out: out[0], 1),
        (lambda a, b, h: {"a": a, "deep": [h, (b,)]}, lambda out: out["deep"][1][0], 3),
        (lambda a, b, h: [None, 3, a, h, b], lambda out: out[4], 3),
    ],
)
def test_blocks_lead_to_the_result_that_the_loss_uses(pack, pick, number):
    model = Heads(pack)
    found = analyze(model, x(4, 5), loss=lambda out: pick(out).square().sum())
    head = "one" if number == 1 else "other"
    assert found.blocks[-1].name == head
    assert found.capture.remarks == (
        f"the signal leaves from tensor {number} of the result, which the loss uses",
    )
    given = x(4, 5).requires_grad_()
    chosen = pick(model(given))
    before, after = torch.autograd.grad(chosen.square().sum(), (given, chosen))
    gains = before.norm(dim=1) / after.norm(dim=1)
    assert found.total.measured == pytest.approx(gains.quantile(0.5).item(), rel=1e-12)


def test_without_a_loss_the_signal_is_said_to_leave_from_all():
    found = analyze(Heads(lambda a, b, h: (a, b)), x(4, 5))
    assert [block.name for block in found] == ["trunk.0"]
    assert "blocks ends with trunk.0: 2 operations behind it are in none, for they" in said(found)
    assert "leaves from 2 tensors of the result" in said(found)
    assert "pass a loss that uses one of them, as loss=lambda out: out[0].sum()" in said(found)


def test_labels_use_the_first_result():
    model = Heads(lambda a, b, h: (a, b))
    found = analyze(model, x(4, 5), y=torch.tensor([0, 1, 2, 0]))
    assert found.blocks[-1].name == "one"
    assert "tensor 1 of the result" in said(found)


def test_a_loss_of_all_results_changes_nothing():
    model = Heads(lambda a, b, h: (a, b))
    found = analyze(model, x(4, 5), loss=lambda out: out[0].sum() + out[1].sum())
    assert [block.name for block in found] == ["trunk.0"]


@pytest.mark.parametrize("cell", [nn.GRU, nn.LSTM, nn.RNN])
def test_a_recurrence_is_one_block_to_the_result_that_is_asked_for(cell):
    torch.manual_seed(0)
    model = cell(5, 8, batch_first=True).double()
    with pytest.raises(CaptureError, match=r"paths part to \d tensors .*: pass a loss that uses"):
        analyze(model, x(4, 6, 5))
    found = analyze(model, x(4, 6, 5), loss=lambda out: out[0][:, -1].square().sum())
    (block,) = found.blocks
    assert "recurrent" in block.tags
    assert block.gain is not None
    assert block.gain.min < block.gain.max  # the samples are told apart
    given = x(4, 6, 5).requires_grad_()
    out = model(given)[0]
    before, after = torch.autograd.grad(out[:, -1].square().sum(), (given, out))
    gains = before.flatten(1).norm(dim=1) / after.flatten(1).norm(dim=1)
    assert block.gain.median == pytest.approx(gains.quantile(0.5).item(), rel=1e-12)


class Padded(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.before, self.cells = nn.Linear(5, 8), nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, 2)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.before(x), [6, 5, 3, 2], batch_first=True)
        out, _ = pad_packed_sequence(self.cells(packed)[0], batch_first=True)
        found: Tensor = self.head(out)
        return found


def test_a_packed_sequence_is_followed_through_its_packing():
    model = Padded()
    found = analyze(model, x(4, 6, 5), spectra=True)
    assert [block.name for block in found] == ["before", "cells", "head"]
    assert found["cells"].tags == ("recurrent",)
    assert found.total.relative_error is not None
    assert found.total.relative_error < 1e-12
    for block in found:
        assert block.gain is not None
        for bound in block.bounds:
            if bound.value is not None:
                above = bound.side == "upper"
                assert (bound.value >= block.gain.max * (1 - 1e-9)) if above else (
                    bound.value <= block.gain.min * (1 + 1e-9)
                )  # fmt: skip


@dataclass
class Output:
    logits: Tensor
    hidden: Tensor


def test_an_object_without_tensors_is_refused_until_it_is_registered():
    model = Heads(lambda a, b, h: Output(a, h))
    with pytest.raises(InputError, match=r"returns a Output, .*register_dataclass\(Output\) first"):
        analyze(model, x(4, 5))
    torch.export.register_dataclass(Output)
    found = analyze(model, x(4, 5), loss=lambda out: out.logits.sum())
    assert found.blocks[-1].name == "one"


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(4, 3), nn.Linear(4, 2)

    def forward(self, h: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.one(h), "aux": self.other(h)}


def test_results_in_a_dict_are_named_by_their_keys():
    for run in (analyze, partial(assert_flow, min_gain=0)):
        with pytest.raises(CaptureError, match=r"\(out\['logits'\], out\['aux'\]\)"):
            run(Named(), torch.randn(5, 4))
