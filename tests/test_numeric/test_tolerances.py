"""The table of tolerances: one entry per dtype, none for others."""

import pytest
import torch

from derivations.errors import InputError
from numeric.tolerances import TOLERANCES, tolerances


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_tolerance_is_above_the_spacing_of_floats_and_far_below_one(dtype):
    table = tolerances(dtype)
    assert table.eps == torch.finfo(dtype).eps
    for name in ("adjoint", "identity", "rounding", "breakdown"):
        assert 4 * table.eps <= getattr(table, name) <= 256 * table.eps, name


def test_the_table_has_exactly_the_supported_dtypes():
    assert set(TOLERANCES) == {torch.float32, torch.float64}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64, torch.complex64])
def test_other_dtypes_are_refused_with_a_way_out(dtype):
    with pytest.raises(InputError, match=r"convert .* to float32 or float64"):
        tolerances(dtype)
