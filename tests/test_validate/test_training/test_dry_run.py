"""A dry run times each kind of network once and extrapolates to whole runs."""

from dataclasses import replace

import pytest
from test_validate.tiny import MINIATURE

from validate.data.datasets import load
from validate.training import dry_run as module
from validate.training.dry_run import Cost, costs, table

PRESET = replace(
    MINIATURE,
    seeds=(0, 1),
    schedule=replace(MINIATURE.schedule, epochs=8),
    measure_epochs=(0, 4, 8),
)


@pytest.fixture(scope="module")
def configs():
    return tuple(PRESET.configs(load("digits")))


def test_a_run_is_its_epochs(configs):
    """Three are recorded, two of them with spectra; the third is counted as if it had them."""
    cost = Cost("plain-8", start=10.0, train=1.0, look=0.1)
    assert cost.whole(configs[0]) == pytest.approx(3 * 10 + 8 * 1 + 6 * 0.1)


def test_each_kind_is_run_once_for_one_epoch(configs, monkeypatch):
    seen = []
    monkeypatch.setattr(
        module,
        "timed_alone",
        lambda folder, config: seen.append(config) or Cost(config.network, 2.0, 1.0, 0.5),
    )
    told = []
    found = costs(configs, None, 1, None, lambda line: told.append((len(seen), line)))
    begin = "dry run: trains one epoch of each of 2 kinds of network, 1 at a time, on "
    each = "2.00 s epoch 0, 1.00 s to train an epoch, 0.50 s to measure it, 17.0 s a run"
    assert told == [
        (0, f"{begin}{configs[0].train_samples} images of digits"),
        (1, f"1 of 2 timed: dense-7, {each}"),
        (2, f"2 of 2 timed: plain-8, {each}"),
    ]
    costs(configs, None, 1, 60.0)  # which leaves no time to lose
    assert [config.network for config in seen] == ["dense-7", "plain-8", "plain-8", "dense-7"]
    assert {(c.epochs, c.measure_epochs, c.spectra_epochs) for c in seen} == {(1, (0,), (0,))}
    assert sorted(cost.network for cost in found) == ["dense-7", "plain-8"]
    lines = table(found, configs)
    assert len(lines) == 3
    assert lines[1].split() == ["dense-7", "2.00", "1.00", "0.50", "17.0"]


def test_what_is_timed_is_a_run(configs):
    cost = module.timed_alone(
        None,
        configs[0].model_copy(update={"epochs": 1, "measure_epochs": (0,), "spectra_epochs": (0,)}),
    )
    assert cost.network == "plain-8"
    assert cost.start > cost.look > 0 < cost.train
