"""The DenseNets that the paper compares: maps that grow by k, and transitions that halve them."""

import pytest
import torch

from derivations.algebra.blocks import BLOCKS
from derivations.errors import InputError
from validate.networks.build import build
from validate.networks.densenet import LAYOUTS, SMALLEST, Settings, densenet


@pytest.mark.parametrize("depth", LAYOUTS)
def test_maps_grow_by_k_and_are_halved_between_blocks(depth):
    growth, layout = LAYOUTS[depth]
    with torch.device("meta"):
        network = build(f"densenet{depth}", image_size=32)
        h = network.stem(torch.empty(2, 3, 32, 32))
        assert h.shape[1] == 2 * growth
        seen = []
        for name, segment in network.chain():
            before, h = h.shape[1], segment(h)
            if name.startswith("transition"):
                assert h.shape[1] == before // 2
            else:
                assert segment.term == BLOCKS["dense"].term
                assert h.shape[1] == before + growth
                seen.append(name.partition("_")[0])
    assert [seen.count(f"stage{stage}") for stage in range(1, 5)] == list(layout)
    assert len(set(seen)) == 4


def test_the_smallest_image_fits_and_one_pixel_less_is_refused():
    with torch.device("meta"):
        network = densenet(121, Settings(image_size=SMALLEST))
        assert network(torch.empty(2, 3, SMALLEST, SMALLEST)).shape == (2, 10)
    with pytest.raises(InputError, match=f"{SMALLEST} pixels"):
        Settings(image_size=SMALLEST - 1)
