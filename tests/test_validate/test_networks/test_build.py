"""Tests the networks: forwards are what terms claim, weights those of the seed."""

import pytest
import torch
from test_validate.awakened import awakened

from derivations.algebra.terms import Add, Identity, Layer
from derivations.errors import InputError
from numeric.evaluation.realize import realize
from numeric.tolerances import tolerances
from validate.networks.build import FAMILIES, NETWORKS, build

NAMES = ("plain-8", "residual-8", "se_residual-8", "dense-10")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("channels", "size"), [(1, 8), (1, 28), (3, 32)])
def test_forward_gives_one_logit_per_class(name, channels, size):
    network = build(name, num_classes=7, in_channels=channels, image_size=size, width=4)
    assert network(torch.randn(2, channels, size, size)).shape == (2, 7)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [8, 9, 28])
def test_hand_written_forward_is_what_the_term_claims(name, size):
    network = awakened(build(name, image_size=size, width=4))
    x = torch.randn(
        3, 1, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
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


def test_a_term_without_the_skip_is_told_apart():
    """Negative control of the forward test: it would notice a dropped skip."""
    network = awakened(build("residual-8", width=4))
    segment = next(
        segment for _, segment in network.chain() if segment.term == Add(Layer("F"), Identity())
    )
    x = torch.randn(2, 4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert (realize(Layer("F"), segment.leaves)(x) - segment(x)).abs().max() > 0.1


def test_the_seed_determines_the_weights_and_nothing_else_changes():
    state = torch.random.get_rng_state()
    first, again, other = (
        build("residual-8", seed=3),
        build("residual-8", seed=3),
        build("residual-8", seed=4),
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    pairs = list(zip(first.parameters(), again.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.stem[0].weight, other.stem[0].weight)


def test_initialization_has_the_variance_of_he():
    weight = build("plain-8", width=64).segments["stage3_block1"].branch[3].weight
    assert weight.std().item() == pytest.approx((2 / (9 * 256)) ** 0.5, rel=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_works_on_the_meta_device(name):
    with torch.device("meta"):
        network = build(name)
        assert network(torch.randn(2, 1, 8, 8)).shape == (2, 10)
    assert all(parameter.is_meta for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "config", "words"),
    [
        ("resnet-20", {}, "unknown network 'resnet-20'"),
        ("residual", {}, "FAMILY-DEPTH"),
        ("residual-2x", {}, "FAMILY-DEPTH"),
        ("residual-9", {}, "depth 9 is not 6n [+] 2: choose 8, 14, 20"),
        ("residual-2", {}, "depth 2"),
        ("dense-12", {}, "depth 12 is not 3n [+] 4: choose 7, 10, 13"),
        ("residual-8", {"width": 0}, "width must be at least 1"),
        ("residual-8", {"image_size": 3}, "image_size must be at least 4"),
        ("residual-8", {"depth": 8}, "unknown setting 'depth'"),
        ("residual-8", {"num_classes": -1}, "num_classes must be at least 1"),
    ],
)
def test_impossible_networks_are_refused(name, config, words):
    with pytest.raises(InputError, match=words):
        build(name, **config)


def test_every_family_is_tested():
    assert {name.partition("-")[0] for name in NAMES} == set(FAMILIES)


@pytest.mark.parametrize("name", NETWORKS)
def test_works_on_the_meta_device_at_its_own_size(name):
    with torch.device("meta"):
        network = build(name, num_classes=7)
        size = 32 if name.startswith("vgg") else 224
        assert network(torch.randn(2, 3, size, size)).shape == (2, 7)
    assert all(parameter.is_meta for parameter in network.parameters())
