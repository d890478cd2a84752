"""Norms that are remembered: of the same content alone, and as they were found."""

import pytest
import torch
from torch import Tensor, nn

from derivations.errors import InputError
from numeric.certified import remembered_norms
from numeric.certified.layer_lipschitz import lipschitz_upper
from numeric.certified.remembered_norms import remembered


class Counted:
    """A norm that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, weight: Tensor, factor: float = 1.0) -> float:
        self.asked += 1
        if not weight.isfinite().all():
            raise InputError("not finite")
        return factor * float(weight.detach().double().norm())


@pytest.fixture
def counted() -> Counted:
    return Counted()


def wrapped(counted: Counted):
    def norm(weight: Tensor, factor: float = 1.0) -> float:
        return counted(weight, factor)

    return remembered(norm)


def test_equal_content_is_asked_once_whoever_holds_it(counted: Counted) -> None:
    norm, weight = wrapped(counted), torch.randn(3, 4)
    found = norm(weight)
    assert found == counted(weight)
    counted.asked = 0
    others = (weight, weight.clone(), nn.Parameter(weight.clone()), weight.T.contiguous().T)
    assert [norm(each) for each in others] == [found] * 4
    assert counted.asked == 0


def test_what_is_written_past_version_counters_is_seen(counted: Counted) -> None:
    norm, weight = wrapped(counted), nn.Parameter(torch.randn(3, 4))
    before = norm(weight)
    weight.data[0, 0] += 1.0
    assert norm(weight) == counted(weight) != before


def test_the_same_bytes_of_another_type_are_another_weight(counted: Counted) -> None:
    norm, weight = wrapped(counted), torch.ones(3, 4, dtype=torch.float16)
    assert norm(weight) != norm(weight.view(torch.bfloat16))


@pytest.mark.parametrize(
    "other",
    [
        lambda weight: weight.double(),
        lambda weight: weight.view(4, 3),
        lambda weight: weight.view(torch.int32).view(torch.float32) + 1e-6,
    ],
)
def test_another_type_shape_or_entry_is_another_weight(counted: Counted, other) -> None:
    norm, weight = wrapped(counted), torch.ones(3, 4)
    norm(weight)
    norm(other(weight))
    assert counted.asked == 2


def test_other_settings_are_another_norm(counted: Counted) -> None:
    norm, weight = wrapped(counted), torch.ones(3, 4)
    assert norm(weight, 2.0) == 2 * norm(weight)
    assert counted.asked == 2


def test_refusals_are_not_remembered(counted: Counted) -> None:
    norm, weight = wrapped(counted), torch.full((2,), torch.inf)
    for _ in range(2):
        with pytest.raises(InputError):
            norm(weight)
    assert counted.asked == 2


def test_nothing_is_certified_of_what_is_known_either_where_subnormals_are_lost(
    counted: Counted,
) -> None:
    norm, weight = wrapped(counted), torch.ones(2)
    norm(weight)
    torch.set_flush_denormal(True)
    try:
        with pytest.raises(InputError, match="subnormal"):
            norm(weight)
    finally:
        torch.set_flush_denormal(False)


def test_those_that_were_asked_for_last_are_kept(counted: Counted, monkeypatch) -> None:
    monkeypatch.setattr(remembered_norms, "MOST", 2)
    norm = wrapped(counted)
    one, two, three = (torch.full((1,), float(value)) for value in (1, 2, 3))
    for weight in (one, two, one, three):  # the second goes
        norm(weight)
    assert counted.asked == 3
    norm(one)
    assert counted.asked == 3
    norm(two)
    assert counted.asked == 4


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(6, 5), (6,)),
        (nn.Conv2d(8, 8, 3, padding=1), (8, 9, 9)),
        (nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"), (2, 9, 9)),
        (nn.ConvTranspose2d(8, 8, 3), (8, 9, 9)),
    ],
)
def test_a_layer_that_is_changed_has_the_norm_of_the_changed(layer: nn.Module, shape) -> None:
    before = lipschitz_upper(layer, shape)
    assert lipschitz_upper(layer, shape) == before
    layer.weight.data *= 2
    assert lipschitz_upper(layer, shape) == pytest.approx(2 * before, rel=1e-9)
    layer.weight.data /= 2
    assert lipschitz_upper(layer, shape) == before
