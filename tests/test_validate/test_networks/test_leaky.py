"""Every ReLU becomes leaky, nothing else changes."""

import torch

from validate.networks.build import build
from validate.networks.leaky import with_slope


def test_slope_zero_is_relu_and_one_is_none():
    network = build("plain-8", width=4).eval()
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(with_slope(network, 0.0)(x), network(x))
    linear = with_slope(network, 1.0)
    # The head's bias is 0 at the start.
    torch.testing.assert_close(linear(-x), -linear(x))
    assert not torch.allclose(network(-x), -network(x))


def test_the_term_is_what_the_segment_does():
    network = with_slope(build("plain-8", width=4), 0.2)
    segment = network.segments["stage1_block1_relu"]
    x = torch.tensor([-1.0, 2.0])
    torch.testing.assert_close(segment(x), torch.tensor([-0.2, 2.0]))
    torch.testing.assert_close(segment.leaves["leaky_relu"](x), segment(x))
    assert [name for name, _ in network.chain()] == [name for name, _ in build("plain-8").chain()]
