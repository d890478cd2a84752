"""Random networks: every value, the input's gradient and every segment's pullback is right."""

from collections import Counter

import pytest
from captured import check, kinds
from random_models import KINDS, RandomModel, image

from derivations.errors import CaptureError

NORMAL, SLOW = range(40), range(40, 1040)


def checked(seed: int) -> list[str]:
    """The kinds of the segments; none where nothing of the input's gradient is left."""
    model, x = RandomModel(seed), image(seed)
    try:
        return kinds(check(model, x))
    except CaptureError as refusal:
        raise AssertionError(f"seed {seed}, {model.said}: {refusal}") from refusal
    except AssertionError as error:
        raise AssertionError(f"seed {seed}, {model.said}: {error}") from error


@pytest.mark.parametrize("seed", NORMAL)
def test_a_random_network_is_captured_right(seed: int) -> None:
    assert checked(seed)


@pytest.mark.slow
@pytest.mark.parametrize("start", SLOW[::50])
def test_random_networks_are_captured_right(start: int) -> None:
    for seed in range(start, start + 50):
        assert checked(seed)


def test_what_is_drawn_is_diverse() -> None:
    said = Counter(word for seed in NORMAL for word in RandomModel(seed).said)
    assert set(said) == {name for name, _ in KINDS}
    assert min(said.values()) >= 5
    found = Counter(kind for seed in NORMAL for kind in checked(seed))
    assert len(found) >= 6


def test_a_seed_draws_the_same_network_again() -> None:
    one, other = RandomModel(3), RandomModel(3)
    assert one.said == other.said
    assert (one(image(3)) == other(image(3))).all()
