"""Holds a data set in memory: splits of normalized images with their labels."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from derivations.errors import InputError

CLASSES = 10
"""Of every data set that states no other number."""

Array = np.ndarray[tuple[int, ...], np.dtype[np.number]]
Moments = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of the training pixels, scaled to [0, 1], by channel."""


@dataclass(frozen=True)
class Split:
    """Images (samples, channels, size, size), normalized, float32; labels (samples,), int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, samples: int | None) -> "Split":
        """The first samples, in the order of the files; None: all."""
        return Split(self.images[:samples], self.labels[:samples])

    @property
    def digest(self) -> str:
        """SHA-256 of images and labels, in hexadecimal."""
        # Read in place: the images may fill half of the memory.
        digest = hashlib.sha256(self.images.contiguous().numpy().data)
        digest.update(self.labels.contiguous().numpy().data)
        return digest.hexdigest()

    def to(self, device: str) -> "Split":
        """The same samples on `device`."""
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Dataset:
    """A named pair of splits. `augment`: whether crops and flips leave an image in its class, so
    that training may draw them.
    """

    name: str
    train: Split
    test: Split
    augment: bool = False
    classes: int = CLASSES

    def first(self, train: int | None, test: int | None) -> "Dataset":
        """The same data set with the first samples of each split alone."""
        return replace(self, train=self.train.first(train), test=self.test.first(test))

    @property
    def copied(self) -> int:
        """How many test images are the same as a training image, pixel by pixel."""
        known = {image.numpy().tobytes() for image in self.train.images}
        return sum(image.numpy().tobytes() in known for image in self.test.images)

    @property
    def in_channels(self) -> int:
        return self.train.images.shape[1]

    @property
    def image_size(self) -> int:
        return self.train.images.shape[2]


def normalized(images: Array, labels: Array, moments: Moments, peak: int = 255) -> Split:
    """Pixels 0…peak, normalized with the stated mean and deviation of each channel."""
    mean, deviation = (np.array(values, np.float32)[:, None, None] for values in moments)
    # Scaled before it is centred, as the published moments are those of [0, 1].
    pixels = (images.astype(np.float32) / peak - mean) / deviation
    return Split(torch.from_numpy(pixels), torch.from_numpy(labels.astype(np.int64)))


def check_labels(labels: Array, source: Path, classes: int = CLASSES) -> None:
    if labels.max() >= classes:
        raise InputError(
            f"{source} holds label {labels.max()}, outside 0…{classes - 1}: get it again"
        )
