"""Splits: their digests are those of their bytes, and their fronts are what they say."""

import hashlib

import pytest
import torch

from validate.data.datasets import load
from validate.data.splits import Dataset, Split


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


def test_test_images_that_copy_training_images_are_counted():
    images = torch.arange(24.0).view(6, 1, 2, 2)
    train, test = Split(images[:4], torch.arange(4)), Split(images[[0, 5, 3, 0]], torch.arange(4))
    assert Dataset("drawn", train, test).copied == 3
    assert Dataset("drawn", train, test).first(3, 3).copied == 1
    assert Dataset("drawn", train, Split(images[4:], torch.arange(2))).copied == 0
    assert load("digits").copied == 0
