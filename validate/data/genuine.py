"""Tells the files of a known data set from others of the same form: noise, or files swapped."""

import hashlib
from pathlib import Path

import numpy as np

from derivations.errors import InputError
from validate.data.splits import Array, Moments

MOMENT = 2e-4
"""By how much a mean or deviation may differ from a published one, which has four digits."""


def check_digest(content: bytes, expected: str, path: Path) -> None:
    """Raises InputError unless the file, unpacked, has this SHA-256."""
    if hashlib.sha256(content).hexdigest() != expected:
        raise InputError(
            f"{path} is well formed, but another file than is published under that name: get it "
            "again, or make an image folder of it (--dataset image-folder)"
        )


def check_classes(labels: Array, classes: int, each: int, source: Path) -> None:
    """Raises InputError unless every class has so many images."""
    if (np.bincount(labels, minlength=classes) != each).any():
        raise InputError(
            f"{source} holds other than {each} images of each of {classes} classes, unlike the "
            "published files: get it again"
        )


def check_moments(images: Array, moments: Moments, source: Path) -> None:
    """Raises InputError unless mean and deviation of each channel are the published ones. A part of
    the images, or as many of noise, has others.
    """
    for channel, (mean, deviation) in enumerate(zip(*moments, strict=True)):
        # By levels: exact, and without a copy of the pixels in floating point.
        counts = np.bincount(images[:, channel].reshape(-1), minlength=256) / images[:, 0].size
        levels = np.arange(256) / 255
        found = float(counts @ levels)
        spread = float(np.sqrt(counts @ (levels - found) ** 2))
        if abs(found - mean) > MOMENT or abs(spread - deviation) > MOMENT:
            raise InputError(
                f"the training images in {source} have mean {found:.4f} and deviation "
                f"{spread:.4f} in channel {channel}, the published ones {mean} and {deviation}: "
                "get them again"
            )
