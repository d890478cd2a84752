"""Tests the data sets: the digits split, and that broken or foreign files are refused by name."""

import pytest
import torch

from derivations.errors import InputError
from validate.data.datasets import DIGITS_MOMENTS, load, locate


def test_digits_are_split_by_class_and_normalized():
    digits = load("digits")
    assert (digits.in_channels, digits.image_size) == (1, 8)
    assert len(digits.train) + len(digits.test) == 1797
    share = torch.bincount(digits.test.labels) / torch.bincount(
        torch.cat((digits.train.labels, digits.test.labels))
    )
    assert share.sub(0.2).abs().max() < 0.003
    pixels = digits.train.images.double()
    assert abs(pixels.mean()) < 2e-4
    assert abs(pixels.std() - 1) < 2e-4
    (mean,), (deviation,) = DIGITS_MOMENTS
    levels = (pixels * deviation + mean) * 16
    assert (levels - levels.round()).abs().max() < 1e-4


def test_the_digits_split_is_fixed_and_without_overlap():
    """Overlap is told by the images: the source holds no two equal ones across the split."""
    first, again = load("digits"), load("digits")
    assert torch.equal(first.test.images, again.test.images)
    train = {image.numpy().tobytes() for image in first.train.images}
    assert not any(image.numpy().tobytes() in train for image in first.test.images)


def test_a_missing_data_set_says_how_to_get_it(tmp_path):
    with pytest.raises(InputError, match="dataset-fashion-mnist"):
        load("fashion-mnist", tmp_path)
    for folder in (None, tmp_path):
        with pytest.raises(InputError, match="cifar-10-binary"):
            load("cifar10", folder)
    with pytest.raises(InputError, match="digits, fashion-mnist, cifar10"):
        load("mnist")
    assert locate("cifar10", tmp_path) is None
    assert locate("digits") == "embedded"
