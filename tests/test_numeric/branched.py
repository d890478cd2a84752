"""Small networks whose paths run side by side: U-Net, exchanging resolutions, cross stage partial.

Each is a module in float64 that takes images (batch, 4, 8, 8).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def image(batch: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(batch, 4, 8, 8, generator=generator, dtype=torch.float64)


class Layer(nn.Module):
    """tanh of a convolution: smooth, so that differences have a meaning everywhere."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1)

    def forward(self, h: Tensor) -> Tensor:
        return torch.tanh(self.conv(h))


class Block(nn.Module):
    """h + F(h)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = Layer(width, width), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.second(self.first(h))


class UNet(nn.Module):
    """Four levels, each with a skip that is concatenated."""

    def __init__(self, levels: int = 3) -> None:
        super().__init__()
        self.down = nn.ModuleList(Layer(4, 4, 1 if not k else 2) for k in range(levels + 1))
        self.up = nn.ModuleList(nn.ConvTranspose2d(4, 4, 2, 2) for _ in range(levels))
        self.merge = nn.ModuleList(Layer(8, 4) for _ in range(levels))

    def forward(self, h: Tensor) -> Tensor:
        skips = []
        for down in self.down:
            h = down(h)
            skips.append(h)
        skips.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            h = merge(torch.cat([skips.pop(), up(h)], 1))
        return h


class Exchange(nn.Module):
    """Two resolutions, a residual block in each, then each takes from the other; twice."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.ModuleList([Layer(4, 4), Layer(4, 4, 2)])
        self.high = nn.ModuleList(Block(4) for _ in range(2))
        self.low = nn.ModuleList(Block(4) for _ in range(2))
        self.up = nn.ModuleList(nn.Conv2d(4, 4, 1) for _ in range(2))
        self.down = nn.ModuleList(nn.Conv2d(4, 4, 3, 2, 1) for _ in range(2))

    def forward(self, h: Tensor) -> Tensor:
        one, two = self.start[0](h), self.start[1](h)
        for high, low, up, down in zip(self.high, self.low, self.up, self.down, strict=True):
            one, two = high(one), low(two)
            wide = F.interpolate(up(two), scale_factor=2)
            one, two = torch.tanh(one + wide), torch.tanh(two + down(one))
        return torch.cat([one, F.interpolate(two, scale_factor=2)], 1)


class Partial(nn.Module):
    """One half goes through blocks, the other passes them."""

    def __init__(self, blocks: int = 3) -> None:
        super().__init__()
        self.start, self.blocks = Layer(4, 8), nn.ModuleList(Block(4) for _ in range(blocks))
        self.last, self.end = Layer(4, 4), Layer(8, 4)

    def forward(self, h: Tensor) -> Tensor:
        kept, moving = self.start(h).chunk(2, 1)
        for block in self.blocks:
            moving = block(moving)
        return self.end(torch.cat([kept, self.last(moving)], 1))


class DualPath(nn.Module):
    """A sum and a concatenation side by side, each of them read by every block."""

    def __init__(self) -> None:
        super().__init__()
        self.start = Layer(4, 6)
        self.blocks = nn.ModuleList(Layer(6 + 2 * k, 6) for k in range(3))

    def forward(self, h: Tensor) -> Tensor:
        both = self.start(h)
        summed, grown = both[:, :4], both[:, 4:]
        for block in self.blocks:
            out = block(torch.cat([summed, grown], 1))
            summed, grown = summed + out[:, :4], torch.cat([grown, out[:, 4:]], 1)
        return torch.cat([summed, grown], 1)


def built(make: type[nn.Module], *args: int, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make(*args).double()
