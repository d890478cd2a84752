"""Float32 is whole within, whichever way it was cut before, and cut as before behind."""

import pytest
import torch

import numeric
from numeric import full_float32
from validate.analysis.analyze import analyze
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


def watching(seen):
    """A map that tells how float32 is multiplied while it runs."""

    def double(x):
        seen.append(torch.get_float32_matmul_precision())
        return 2 * x

    return double


class Watching(numeric.LinearOperator):
    def __init__(self, seen):
        super().__init__((3,), (3,), 2, torch.float32, torch.device("cpu"))
        self._double = watching(seen)

    def _push(self, v):
        return self._double(v)

    _pull = _push


@pytest.mark.parametrize(
    "call",
    [
        lambda seen: numeric.JacobianOperator.checked(watching(seen), torch.ones(2, 3)),
        lambda seen: numeric.sigma_max(Watching(seen), steps=3),
        lambda seen: numeric.symmetric_extremes(Watching(seen), steps=3),
        lambda seen: numeric.frobenius(Watching(seen), samples=3),
        lambda seen: numeric.evaluate(
            "plain", {"F": watching(seen)}, torch.ones(2, 3), torch.ones(2, 3), spectra=False
        ),
        lambda seen: analyze(Watched(seen), torch.ones(2, 3), every_loss=True),
    ],
    ids=["JacobianOperator", "sigma_max", "symmetric_extremes", "frobenius", "evaluate", "analyze"],
)
def test_whatever_encloses_computes_with_whole_float32(call):
    """An enclosure counts the rounding of 24 binary digits, and TF32 has 11."""
    seen = []
    torch.set_float32_matmul_precision("medium")
    try:
        call(seen)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert seen
    assert set(seen) == {"highest"}


class Watched(torch.nn.Module):
    def __init__(self, seen):
        super().__init__()
        self.double, self.linear = watching(seen), torch.nn.Linear(3, 3)

    def forward(self, x):
        return self.linear(self.double(x))
