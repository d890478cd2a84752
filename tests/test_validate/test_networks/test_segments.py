"""The networks that the paper compares: terms against hand-written forwards, settings, refusals."""

import pytest
import torch
from test_validate.awakened import awakened

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.terms import Layer
from derivations.errors import InputError
from numeric.evaluation.realize import realize
from numeric.tolerances import tolerances
from validate.networks.build import build
from validate.networks.segments import Shortcut

SAMPLES = (
    ("vgg19", {}),
    ("plain18", {}),
    ("resnet18", {"projections": 0}),
    ("resnet50", {"stride_on": 1}),
    ("resnet50", {"stride_on": 3}),
    ("se_resnet50", {"reduction": 8}),
    ("densenet121", {}),
)


@pytest.mark.parametrize(("name", "settings"), SAMPLES)
def test_hand_written_forward_is_what_the_term_claims(name, settings):
    network = awakened(build(name, image_size=32, **settings))
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        h = network.stem(x)
        for segment_name, segment in network.chain():
            by_hand = segment(h)
            by_term = realize(segment.term, segment.leaves)(h)
            assert by_term.shape == by_hand.shape, segment_name
            assert (by_term - by_hand).abs().max() <= tolerances(
                torch.float64
            ).identity * by_hand.abs().max(), segment_name
            h = by_hand
        assert network.head(h).shape == (2, 10)


def test_a_term_without_the_skip_is_told_apart():
    """Negative control of the forward test."""
    network = awakened(build("resnet18", image_size=32))
    segment = next(
        segment for _, segment in network.chain() if segment.term == BLOCKS["residual"].term
    )
    x = torch.randn(2, 64, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert (realize(Layer("F"), segment.leaves)(x) - segment(x)).abs().max() > 0.1


@pytest.mark.parametrize("size", [32, 33, 65])
@pytest.mark.parametrize("name", ["resnet18", "se_resnet18", "densenet121"])
def test_other_sizes_fit(name, size):
    with torch.device("meta"):
        network = build(name, image_size=size)
        assert network(torch.randn(2, 3, size, size)).shape == (2, 10)


def test_a_shortcut_without_parameters_keeps_every_second_position_and_pads_with_zeros():
    x = torch.arange(2 * 3 * 4 * 4, dtype=torch.float64).reshape(2, 3, 4, 4)
    y = Shortcut(3, 5, 2)(x)
    assert torch.equal(y[:, :3], x[:, :, ::2, ::2])
    assert not y[:, 3:].any()
    assert y.shape == (2, 5, 2, 2)


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("resnet51", {}, "unknown network 'resnet51'.*resnet50"),
        (
            "resnet50",
            {"width": 8},
            (
                "unknown setting 'width': choose from num_classes, in_channels, image_size, "
                "stride_on, projections"
            ),
        ),
        ("resnet50", {"stride_on": 2}, "stride_on must be 1 or 3, not 2"),
        ("resnet18", {"projections": 2}, "projections must be 0 or 1, not 2"),
        ("plain34", {"reduction": 4}, "unknown setting 'reduction'"),
        ("se_resnet50", {"reduction": 0}, "reduction must be at least 1"),
        ("resnet50", {"image_size": 0}, "image_size must be at least 1"),
        ("densenet121", {"image_size": 28}, "29 pixels"),
        ("vgg19", {"image_size": 31}, "32 pixels"),
        ("vgg19", {"num_classes": 0}, "at least 1 class"),
    ],
)
def test_impossible_networks_are_refused(name, settings, words):
    with pytest.raises(InputError, match=words), torch.device("meta"):
        build(name, **settings)
