"""What a law states of its draws: by every constructor, for the samples that are kept."""

import numpy as np
import pytest
import torch
from strategies import gaussian

from derivations.errors import InputError
from numeric.laws import (
    GeneralizedChiSquare,
    Geometry,
    batch_law,
    conditional_convolution_law,
    conditional_law,
    convolution_law,
    independent_law,
    masked_law,
    pointwise_law,
    shared_law,
)
from numeric.laws.draws import Draws

H, V, PHI = (gaussian(3, 4, seed=seed) for seed in (1, 2, 3))
IMAGE, SKIP = gaussian(3, 2, 3, 3, seed=4), gaussian(3, 2, 3, 3, seed=5)
SIGNAL = gaussian(3, 7, seed=6)
GEOMETRY = Geometry((3, 3), padding=(1, 1))
NAIVE, MASK, SLOPES = "independent of the signal", "where φ is active", "the slopes φ′(x)"
GIVEN, GIVEN_BATCH, GIVEN_ALL = "given Wφ", "given WΦ", "given all that they made"


def laws(**more):
    pull = gaussian(3, 4, 4, 4, seed=7)
    slopes, image = gaussian(3, 4, seed=8), (IMAGE, SKIP, GEOMETRY)
    given = (IMAGE, gaussian(3, 2, 3, 3, seed=9), *image)
    return {
        "independent": (independent_law(0.5, H, V, **more), NAIVE),
        "masked": (masked_law(0.5, H, V, V > 0, **more), MASK),
        "pointwise": (pointwise_law(0.5, H, V, slopes, **more), SLOPES),
        "conditional": (conditional_law(0.5, PHI, H, H, V, **more), GIVEN),
        "batch": (batch_law(0.5, PHI, H, H, V, **more), GIVEN_BATCH),
        "shared": (shared_law(0.5, PHI[:, None], H[:, None], pull, V, **more), GIVEN_ALL),
        "convolution": (convolution_law(0.5, *image, **more), NAIVE),
        "masked convolution": (convolution_law(0.5, *image, SKIP > 0, **more), MASK),
        "sloped convolution": (convolution_law(0.5, *image, slope=SKIP, **more), SLOPES),
        "conditional convolution": (conditional_convolution_law(0.5, *given, **more), GIVEN_ALL),
    }


NAMES = list(laws())


@pytest.mark.parametrize("name", NAMES)
def test_every_law_states_its_draws_and_its_signal(name):
    law, words = laws()[name]
    own, image = law.draws, "convolution" in name
    assert own.condition.startswith("weights drawn as N(0, 0.5²), ")
    assert own.condition.endswith(words) if words == NAIVE else words in own.condition
    assert np.array_equal(own.beside, (SKIP if image else V).flatten(1).numpy())
    if name == "shared":
        assert own.signal is None
    else:
        assert np.array_equal(own.signal, (IMAGE if image else H).flatten(1).numpy())
    given = laws(signal=SIGNAL)[name][0].draws.signal
    assert np.array_equal(given, SIGNAL.numpy())


def test_what_is_kept_keeps_its_draws_and_what_is_changed_has_none():
    law, kept = independent_law(0.5, H, V), np.array([True, False, True])
    own = law.where(kept).draws
    assert np.array_equal(own.signal, H[[0, 2]].numpy())
    assert np.array_equal(own.beside, V[[0, 2]].numpy())
    assert law.scaled(2.0).draws is None
    assert law.sum_over(0).draws is None


def test_what_becomes_of_the_tensors_later_changes_no_law():
    signal = H.clone()
    law = independent_law(0.5, signal, V)
    signal.zero_()
    assert np.array_equal(law.draws.signal, H.numpy())


@pytest.mark.parametrize("condition", ["", "  ", None, 3])
def test_an_empty_condition_is_refused(condition):
    with pytest.raises(InputError, match="say in words"):
        Draws(condition, None, np.zeros((1, 2)))


@pytest.mark.parametrize("signal", [H[:2], 3.0, torch.full((3, 2), torch.nan)])
def test_a_signal_that_is_none_of_these_samples_is_refused(signal):
    with pytest.raises(InputError, match="signal"):
        independent_law(0.5, H, V, signal=signal)


def test_a_law_that_is_made_by_hand_states_nothing():
    assert GeneralizedChiSquare(0.0, [1.0], [1.0], [0.0]).draws is None
