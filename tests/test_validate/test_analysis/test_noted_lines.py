"""What is usual of many blocks is said in one line."""

from dataclasses import replace

import torch
from printed import analysis, block
from torch import Tensor, nn

from validate.analysis.analyze import analyze
from validate.analysis.noted_lines import noted_lines


class Zero(nn.Module):
    """Residual blocks whose last layers begin at zero."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.first = nn.ModuleList(nn.Linear(4, 4) for _ in range(count))
        self.last = nn.ModuleList(nn.Linear(4, 4) for _ in range(count))
        for each in self.last:
            nn.init.zeros_(each.weight)

    def forward(self, x: Tensor) -> Tensor:
        for first, last in zip(self.first, self.last, strict=True):
            x = x + last(torch.tanh(first(x)))
        return x


def test_zero_initialized_branches_are_one_line():
    (line,) = noted_lines(analyze(Zero(5), torch.randn(3, 4)))
    assert line.who.endswith(" and 2 more")
    assert line.words.startswith(
        "the branch passes nothing, for a weight (as that of last.0) is 0: "
    )
    assert "a usual initialization" in line.words
    (line,) = noted_lines(analyze(Zero(1), torch.randn(3, 4)))
    assert line.words.startswith(
        "the branch passes nothing, for the weight of last.0 is 0: a usual"
    )


def test_other_causes_keep_their_own_lines_and_averages_come_last():
    blocks = (
        replace(block(0, "pool", 0.125), averaged=64),
        block(1, "grown", 20.0, "expansion: so"),
        block(2, "fine", 1.0),
    )
    lines = noted_lines(replace(analysis(), blocks=blocks))
    assert [line.who for line in lines] == ["grown", "pool"]
    assert lines[0].advice == "scale it"
    assert lines[1].words == "average over 64 entries: 1/√64 = 0.12 by construction, no loss"
