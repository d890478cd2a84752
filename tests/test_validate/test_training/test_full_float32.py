"""Float32 is whole within, whichever way it was cut before, and cut as before behind."""

import pytest
import torch

from validate.training.full_float32 import full_float32
from validate.training.train import deterministic

PLACES = [(backend, op) for backend in ("cuda", "mkldnn") for op in ("matmul", "conv", "rnn")]


def state():
    def readable(read):
        try:
            return read()
        except RuntimeError:
            return "two ways that disagree"

    return (
        readable(torch.get_float32_matmul_precision),
        readable(lambda: torch.backends.cuda.matmul.allow_tf32),
        readable(lambda: torch.backends.cudnn.allow_tf32),
        *(torch._C._get_fp32_precision_getter(*place) for place in PLACES),
    )


def old_way():
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.allow_tf32 = True


def new_way():
    torch.backends.fp32_precision = "tf32"


def both_ways():
    old_way()
    torch.backends.cudnn.conv.fp32_precision = "ieee"


@pytest.mark.parametrize("cut", [lambda: None, old_way, new_way, both_ways])
@pytest.mark.parametrize("context", [full_float32, lambda: deterministic(1)])
def test_whole_within_and_as_before_behind(cut, context):
    start = {
        place: torch._C._get_fp32_precision_getter(*place)
        for place in [("generic", "all"), *PLACES]
    }
    try:
        cut()
        before = state()
        with context():
            assert state() == ("highest", False, False, *["ieee"] * len(PLACES))
        assert state() == before
    finally:
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = True
        for place, value in start.items():
            torch._C._set_fp32_precision_setter(*place, value)


def test_restored_after_an_error():
    before = state()
    with pytest.raises(ZeroDivisionError), full_float32():
        _ = 1 / 0
    assert state() == before
