"""Analyses leave model and process bit for bit as they found them, and say the same each time."""

import hashlib
from collections.abc import Iterator

import flint
import pytest
import torch
from torch import Tensor, nn

from numeric import (
    JacobianOperator,
    PrecisionWarning,
    certify,
    evaluate,
    singular_extremes,
    symmetric_extremes,
)
from validate.measure.network_gains import gains, measure
from validate.networks.build import Network, build

REPEATS = 100
FAMILIES = pytest.mark.parametrize("name", ["residual-8", "se_residual-8", "dense-7"])


def network_of(name: str) -> Network:
    """A network with a past: statistics that have moved, gradients, a frozen weight, hooks."""
    network = build(name, width=2, image_size=4)
    generator = torch.Generator().manual_seed(1)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.3, generator=generator)
            part.running_var.uniform_(0.5, 2, generator=generator)
    for index, weight in enumerate(network.parameters()):
        weight.grad = torch.randn(weight.shape, generator=generator) if index % 2 else None
    next(network.parameters()).requires_grad_(False)
    network.head.register_forward_hook(lambda *_: None)
    network.head.register_full_backward_hook(lambda *_: None)
    return network.eval()


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(2, 1, 4, 4, generator=generator), torch.tensor([3, 7])


def content(tensor: Tensor) -> bytes:
    return (
        tensor.detach().contiguous().view(torch.uint8).numpy().tobytes()
        if tensor.dim()
        else repr(tensor.item()).encode()
    )


def fingerprint(network: Network) -> tuple[object, ...]:
    """All of a network that an analysis might change.

    The state's bytes; the identity, version, flag and gradient of every tensor; the mode and hooks
    of every module.
    """
    digest = hashlib.sha256()
    tensors = []
    for name, tensor in network.state_dict(keep_vars=True).items():
        digest.update(name.encode() + str(tensor.dtype).encode() + content(tensor))
        gradient = tensor.grad if tensor.is_leaf else None
        if gradient is not None:
            digest.update(content(gradient))
        tensors.append((name, id(tensor), tensor._version, tensor.requires_grad, id(gradient)))
    modules = [
        (
            name,
            part.training,
            *(
                tuple(hooks)
                for hooks in (part._forward_hooks, part._forward_pre_hooks, part._backward_hooks)
            ),
        )
        for name, part in network.named_modules()
    ]
    return digest.hexdigest(), tensors, modules, sorted(vars(network))


def process() -> tuple[object, ...]:
    """What of the process an analysis might change: random states, gradient mode, dtype, threads
    and the precision of balls.
    """
    return (
        content(torch.get_rng_state()),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        flint.ctx.prec,
    )


def analyses(network: Network) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    """Every way to numbers, by name."""
    x, y = batch()
    seen = measure(network, x, y)
    yield "measure", (*seen.activations, *seen.signals, *seen.gains, seen.total)
    yield "gains", gains(network, x, y)
    _, segment = next(iter(network.chain()))
    h, g = seen.activations[0].float(), seen.signals[1].float()
    numbers = evaluate(segment.term, segment.leaves, h, g, steps=3)
    yield "evaluate", (numbers.pullback, numbers.gain, *(bound.value for bound in numbers.bounds))
    operator = JacobianOperator(segment, h)
    enclosures = singular_extremes(operator, steps=3)
    if operator.in_shape == operator.out_shape:
        enclosures += symmetric_extremes(operator, steps=3)
    yield (
        "spectra",
        tuple(end for found in enclosures for end in (found.low, found.high, found.residual)),
    )


def run(network: Network) -> bytes:
    return b"".join(content(tensor) for _, tensors in analyses(network) for tensor in tensors)


@FAMILIES
def test_a_hundred_analyses_change_nothing_and_agree_to_the_bit(name):
    network, found = network_of(name), set()
    before, outside = fingerprint(network), process()
    for _ in range(REPEATS if name == "residual-8" else 10):
        found.add(run(network))
        assert fingerprint(network) == before
        assert process() == outside
    assert len(found) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_ten_runs_on_so_many_threads_agree_to_the_bit(threads):
    """Tensors large enough for torch to share them out."""
    network = build("residual-8", width=16, image_size=16).eval()
    generator = torch.Generator().manual_seed(5)
    x, y = torch.randn(8, 1, 16, 16, generator=generator), torch.arange(8)
    (_, segment), h = next(iter(network.chain())), network.stem(x).detach()

    def numbers() -> bytes:
        found = singular_extremes(JacobianOperator(segment, h), steps=3)
        tensors = (*gains(network, x, y), *(end for each in found for end in (each.low, each.high)))
        return b"".join(map(content, tensors))

    usual = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert len({numbers() for _ in range(10)}) == 1
    finally:
        torch.set_num_threads(usual)


def test_certified_numbers_change_nothing_and_agree_to_the_bit():
    network, (x, y), found = network_of("residual-8"), batch(), set()
    seen = measure(network, x, y)
    _, segment = next(iter(network.chain()))
    before, outside = fingerprint(network), process()
    for _ in range(10):
        numbers = certify(
            segment.term, segment.leaves, seen.activations[0].float(), seen.signals[1].float()
        )
        found.add(b"".join(content(bound.value) for bound in numbers.bounds))
        assert (fingerprint(network), process()) == (before, outside)
    assert len(found) == 1


def test_half_precision_changes_nothing_and_agrees_to_the_bit():
    network, found = network_of("residual-8"), set()
    (_, segment), g = next(iter(network.bfloat16().chain())), torch.ones(2, 2, 4, 4).bfloat16()
    before, outside = fingerprint(network), process()
    for _ in range(10):
        with pytest.warns(PrecisionWarning):
            numbers = evaluate(segment.term, segment.leaves, g, g, steps=3)
        found.add(b"".join(content(bound.value) for bound in numbers.bounds))
        assert (fingerprint(network), process()) == (before, outside)
    assert len(found) == 1


@pytest.mark.parametrize(
    "fails",
    [lambda x, y: (x * torch.nan, y), lambda x, y: (x[:0], y[:0]), lambda x, y: (x[:, :, 0], y)],
)
def test_analyses_that_are_refused_change_nothing_either(fails):
    network, (x, y) = network_of("residual-8"), fails(*batch())
    before, outside = fingerprint(network), process()
    _, segment = next(iter(network.chain()))
    for analysis in (
        lambda: measure(network, x, y),
        lambda: gains(network, x, y),
        lambda: evaluate(segment.term, segment.leaves, x, x),
        lambda: JacobianOperator(segment, x),
        lambda: certify(segment.term, segment.leaves, x, x),
    ):
        with pytest.raises((ValueError, RuntimeError)):
            analysis()
        assert (fingerprint(network), process()) == (before, outside)
