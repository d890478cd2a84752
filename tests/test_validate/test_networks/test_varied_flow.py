import pytest
import torch

from derivations.errors import InputError
from validate.networks.build import build
from validate.networks.varied_flow import vary_flow

X = torch.randn((3, 1, 8, 8), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["residual-8", "se_residual-8"])
def test_a_block_is_the_branch_and_the_scaled_skip(name):
    network, plain = (build(name, width=4, seed=3).double().eval() for _ in range(2))
    vary_flow(network, skip=0.25, branch=1.0)
    h = network.stem(X.double())
    assert torch.equal(h, plain.stem(X.double()))
    for (_, varied), (_, block) in zip(network.chain(), plain.chain(), strict=True):
        out = varied(h)
        if hasattr(block, "shortcut"):
            expected = block(h) - 0.75 * block.shortcut(h)
            assert torch.allclose(out, expected, rtol=1e-12, atol=1e-12)
        h = out


def test_the_branch_starts_at_its_scale_and_may_learn():
    network = build("residual-8", width=4)
    count = sum(each.numel() for each in network.parameters())
    vary_flow(network, skip=1.0, branch=0.0)
    assert sum(each.numel() for each in network.parameters()) == count
    h = network.stem(X)
    for name, segment in network.chain():
        out = segment(h)
        if name == "stage1_block1":
            assert torch.equal(out, h)
            assert segment.branch[-1].weight.requires_grad
            assert not segment.branch[-1].weight.any()
            assert segment.branch[1].weight.all()
        h = out


def test_what_cannot_be_varied_is_refused():
    with pytest.raises(InputError, match="no residual block"):
        vary_flow(build("plain-8"), skip=0.5, branch=1.0)
    with pytest.raises(InputError, match="output is 0"):
        vary_flow(build("residual-8"), skip=0.0, branch=0.0)
