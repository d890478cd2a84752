"""Tests the training: it learns, depends on settings, seed and epoch alone, steps as torch."""

import pytest
import torch
from torch.nn import functional

from derivations.errors import InputError
from validate.data.datasets import load
from validate.data.splits import Split
from validate.networks.build import build
from validate.training.train import (
    Schedule,
    Training,
    crop_and_flip,
    deterministic,
    epoch_generator,
    evaluate,
)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def training(split: Split, **settings) -> Training:
    return Training(
        build("residual-8", width=4),
        split,
        Schedule(**({"epochs": 4, "batch_size": 256} | settings)),
        seed=1,
    )


def test_it_learns(digits):
    subject = training(digits.train, epochs=6, batch_size=64)
    before = evaluate(subject.network, digits.test)
    with deterministic(threads=1):
        assert all(subject.run_epoch(epoch) for epoch in range(1, 7))
    after = evaluate(subject.network, digits.test)
    assert before.error > 0.7
    assert after.error < 0.1
    assert after.loss < before.loss


def test_the_update_is_that_of_torch_optim(digits):
    few = Split(digits.train.images[:512], digits.train.labels[:512])
    subject, twin = training(few), build("residual-8", width=4)
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    for epoch in (1, 2):
        assert subject.run_epoch(epoch)
        for number, batch in enumerate(
            torch.randperm(512, generator=epoch_generator(1, epoch)).split(256)
        ):
            optimizer.param_groups[0]["lr"] = subject.schedule.rate(epoch, number / 2)
            optimizer.zero_grad()
            functional.cross_entropy(twin(few.images[batch]), few.labels[batch]).backward()
            optimizer.step()
    for ours, theirs in zip(subject.network.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("augment", [False, True])
def test_a_restored_training_goes_on_bit_identically(digits, augment):
    with deterministic(threads=1):
        whole, first, second = (training(digits.train, augment=augment) for _ in range(3))
        for epoch in (1, 2, 3):
            whole.run_epoch(epoch)
        first.run_epoch(1)
        second.restore({name: value.clone() for name, value in first.state().items()})
        for epoch in (2, 3):
            second.run_epoch(epoch)
    assert whole.state().keys() == second.state().keys()
    assert all(torch.equal(value, second.state()[name]) for name, value in whole.state().items())


def test_everything_random_is_drawn_from_seed_and_epoch_alone():
    first, again, epoch, seed = (
        torch.rand(5, generator=epoch_generator(*key)) for key in ((2, 3), (2, 3), (2, 4), (3, 3))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, epoch)
    assert not torch.equal(first, seed)


def test_crops_and_flips_are_shifts_and_mirror_images():
    """Every result is one of the 2·9·9 candidates, computed the slow way.

    Over 200 images all shifts and both orientations occur.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(200, 2, 6, 7, generator=generator)
    found = set()
    for image, result in zip(images, crop_and_flip(images, generator), strict=True):
        padded = functional.pad(image, (4, 4, 4, 4))
        for key in (
            (row, column, flip) for row in range(9) for column in range(9) for flip in (False, True)
        ):
            crop = padded[:, key[0] : key[0] + 6, key[1] : key[1] + 7]
            if torch.equal(crop.flip(2) if key[2] else crop, result):
                found.add(key)
                break
        else:
            pytest.fail("no shift or mirror image of the input")
    assert {key[0] for key in found} == {key[1] for key in found} == set(range(9))
    assert {key[2] for key in found} == {False, True}


def test_the_schedule_warms_up_and_drops_at_half_and_three_quarters():
    schedule = Schedule(epochs=8, learning_rate=1.0, warmup_epochs=1)
    assert schedule.rate(1, 0.0) == pytest.approx(0.01)
    assert schedule.rate(1, 0.5) == pytest.approx(0.5)
    assert [schedule.rate(epoch, 0.0) for epoch in range(2, 9)] == pytest.approx(
        [1, 1, 1, 0.1, 0.1, 0.01, 0.01]
    )


def test_a_diverging_training_stops_and_says_so(digits):
    subject = training(digits.train, learning_rate=1e30)
    assert not all(subject.run_epoch(epoch) for epoch in (1, 2))


def test_mixed_precision_is_refused_without_cuda(digits):
    with pytest.raises(InputError, match="mixed precision needs CUDA, not cpu"):
        training(digits.train, precision="bfloat16")


def test_evaluation_counts_every_sample_once_and_keeps_the_mode(digits):
    network = build("plain-8", width=4).train()
    buffers = {name: value.clone() for name, value in network.named_buffers()}
    score = evaluate(network, digits.train)
    assert network.training
    assert all(torch.equal(value, buffers[name]) for name, value in network.named_buffers())
    network.eval()
    with torch.no_grad():
        logits = network(digits.train.images)
    assert score.loss == pytest.approx(
        functional.cross_entropy(logits, digits.train.labels).item(), rel=1e-5
    )
    assert score.error == (logits.argmax(1) != digits.train.labels).double().mean().item()


def test_global_settings_are_restored():
    torch.set_num_threads(2)
    with deterministic(threads=1):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == 1
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == 2


def test_the_layout_changes_no_more_than_rounding_and_each_is_fixed(digits):
    """In float64: in float32 two steps of training make 1e-2 of a last digit."""
    few = Split(digits.train.images[:256].double(), digits.train.labels[:256])
    states = {}
    for layout in ("contiguous", "channels_last", "channels_last"):
        network = build("residual-8", width=4).double()
        subject = Training(network, few, Schedule(epochs=4, layout=layout), seed=1)
        with deterministic(threads=1):
            assert subject.run_epoch(1)
        weight = dict(subject.network.named_parameters())["segments.stage2_block1.branch.0.weight"]
        last = weight.is_contiguous(memory_format=torch.channels_last)
        assert last == (layout == "channels_last")
        before = states.get(layout)
        states[layout] = {name: value.clone() for name, value in subject.state().items()}
        if before:
            assert all(torch.equal(value, before[name]) for name, value in states[layout].items())
    for name, value in states["contiguous"].items():
        assert torch.allclose(value, states["channels_last"][name], rtol=1e-6, atol=1e-9)


def test_a_restored_training_keeps_its_layout(digits):
    few = Split(digits.train.images[:256], digits.train.labels[:256])
    first, second = (training(few, layout="channels_last") for _ in range(2))
    plain = {name: value.contiguous() for name, value in first.state().items()}
    second.restore(plain)
    for weight in second.network.parameters():
        if weight.dim() == 4 and weight.shape[1] > 1:
            assert weight.is_contiguous(memory_format=torch.channels_last)
