"""Known data sets: told from noise of the same form by digest, numbers of images and moments."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from derivations.errors import InputError
from validate.data.genuine import MOMENT, check_classes, check_digest, check_moments

HERE = Path("here")


def test_a_file_of_another_digest_is_refused_by_name():
    check_digest(b"right", hashlib.sha256(b"right").hexdigest(), HERE)
    with pytest.raises(InputError, match="here is well formed, but another file"):
        check_digest(b"wrong", hashlib.sha256(b"right").hexdigest(), HERE)


@pytest.mark.parametrize("labels", [[0, 0, 1], [0, 0, 1, 1, 1], [0, 0, 1, 1, 2], []])
def test_other_numbers_of_images_are_refused(labels):
    check_classes(np.array([0, 1, 1, 0]), 2, 2, HERE)
    with pytest.raises(InputError, match="other than 2 images of each of 2 classes"):
        check_classes(np.array(labels, dtype=np.int64), 2, 2, HERE)


def test_moments_are_those_of_every_channel_to_their_four_digits():
    images = np.random.default_rng(0).integers(0, 256, (50, 2, 8, 8)).astype(np.uint8)
    scaled = images / 255
    mean, deviation = scaled.mean((0, 2, 3)), scaled.std((0, 2, 3))
    check_moments(images, (tuple(mean + 0.9 * MOMENT), tuple(deviation - 0.9 * MOMENT)), HERE)
    for channel in range(2):
        for moments in (mean, deviation):
            moments[channel] += 1.1 * MOMENT
            with pytest.raises(InputError, match=f"in channel {channel}"):
                check_moments(images, (tuple(mean), tuple(deviation)), HERE)
            moments[channel] -= 1.1 * MOMENT
