"""Splits: their digests are those of their bytes, and their fronts are what they say."""

import hashlib

import pytest
import torch

from validate.data.datasets import load
from validate.data.splits import Split


@pytest.mark.parametrize("step", [1, 2])
def test_a_digest_is_that_of_the_bytes_of_images_and_labels(step):
    images, labels = torch.arange(48.0).view(4, 3, 2, 2)[::step], torch.tensor([3, 1, 0, 2])[::step]
    expected = hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
    assert Split(images, labels).digest == expected
    assert Split(images, labels.flip(0)).digest != expected
    assert Split(images + 1, labels).digest != expected


def test_samples_are_taken_from_the_front():
    dataset = load("digits")
    first = dataset.first(5, 3)
    assert (len(first.train), len(first.test)) == (5, 3)
    assert first.train.images.equal(dataset.train.images[:5])
    assert first.test.labels.equal(dataset.test.labels[:3])
    assert (first.name, first.augment) == (dataset.name, dataset.augment)
