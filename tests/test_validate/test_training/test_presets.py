"""Tests the presets: each is well formed, and overrides are checked."""

import pytest

from derivations.errors import InputError
from validate.data.datasets import load
from validate.networks.build import build
from validate.training.presets import PRESETS, preset


@pytest.mark.parametrize("name", ["smoke", "cpu"])
def test_every_run_of_a_preset_can_be_built(name):
    configs = list(preset(name).configs(load("digits")))
    assert len({config.run for config in configs}) == len(configs)
    assert len({config.hash for config in configs}) == len(configs)
    for config in configs[:4]:
        network = build(config.network, image_size=config.image_size, width=config.width)
        assert config.parameters == sum(parameter.numel() for parameter in network.parameters())


def test_smoke_covers_what_is_compared():
    configs = {config.network: config for config in preset("smoke").configs(load("digits"))}
    depths = {
        family: {c.depth for c in configs.values() if c.family == family}
        for family in ("plain", "residual", "se_residual", "dense")
    }
    assert depths["plain"] == depths["residual"]
    assert len(depths["plain"]) == 3
    assert len(depths["se_residual"]) == 2
    assert depths["se_residual"] < depths["residual"]
    assert len(depths["dense"]) == 2
    assert configs["residual-20"].run == "residual-d20-w8-s0"
    assert configs["residual-20"].spectra_epochs == (0, 12)


def test_overrides():
    chosen = preset("smoke", dataset="fashion-mnist", seeds=3, device="cuda")
    assert (chosen.dataset, chosen.seeds, chosen.device) == ("fashion-mnist", (0, 1, 2), "cuda")
    assert (
        chosen.command
        == "gradbound validate --preset smoke --dataset fashion-mnist --seeds 3 --device cuda"
    )
    assert preset("smoke") == PRESETS["smoke"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "huge"}, "choose from smoke, cpu, gpu"),
        ({"name": "smoke", "seeds": 0}, "at least 1"),
        ({"name": "smoke", "dataset": "mnist"}, "choose from digits"),
    ],
)
def test_impossible_wishes_are_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        preset(**arguments)


def test_cpu_is_small_enough_to_run_and_deep_enough_to_tell():
    chosen = PRESETS["cpu"]
    assert chosen.dataset == "fashion-mnist"
    assert all(len(sweep.depths) >= 4 for sweep in chosen.sweeps)
    assert {sweep.family for sweep in chosen.sweeps} == {
        "plain",
        "residual",
        "se_residual",
        "dense",
    }
    assert len(chosen.seeds) >= 3
    for config in chosen.configs(load("digits")):
        # Digits has fewer than asked for.
        assert (config.train_samples, config.test_samples) == (1438, 359)
        assert [epoch for epoch in range(config.epochs + 1) if config.measures(epoch)] == [0, 5, 10]
        assert config.spectra_epochs == (0, config.epochs)


def test_gpu_is_deep_and_as_narrow_as_cpu():
    chosen, cpu = PRESETS["gpu"], PRESETS["cpu"]
    assert (chosen.dataset, chosen.device) == ("fashion-mnist", "cuda")
    assert [sweep.family for sweep in chosen.sweeps] == [sweep.family for sweep in cpu.sweeps]
    assert all(len(sweep.depths) == 3 and max(sweep.depths) >= 100 for sweep in chosen.sweeps)
    assert {sweep.width for sweep in chosen.sweeps} == {sweep.width for sweep in cpu.sweeps}
    assert chosen.train_samples >= 12_000
    assert chosen.schedule.epochs >= 8
    assert len(chosen.seeds) >= 3
    assert set(chosen.measure_epochs) == {0, chosen.schedule.epochs}
    configs = list(chosen.configs(load("digits")))
    assert len(configs) == len({config.run for config in configs}) == 36
    assert preset("gpu", dataset="cifar10").dataset == "cifar10"


@pytest.mark.parametrize(("name", "first"), [("smoke", 0), ("cpu", 100), ("gpu", 100)])
def test_seeds_are_counted_from_the_first_of_the_preset(name, first):
    for count in (1, 2, 5):
        assert preset(name, seeds=count).seeds == tuple(range(first, first + count))
    assert PRESETS[name].seeds == preset(name, seeds=len(PRESETS[name].seeds)).seeds
