"""A run on another device than the CPU: what is measured there is compared, stored and read."""

from dataclasses import replace

import pytest
import torch
from test_validate.elsewhere import Elsewhere, elsewhere
from test_validate.tiny import MINIATURE

from derivations.errors import InputError
from validate.data.datasets import load
from validate.measure.network_gains import gains
from validate.networks.build import build
from validate.records.codec import read_jsonl
from validate.records.missing_rows import lacking
from validate.records.recheck import recheck
from validate.records.schema import BlockRow, EpochRow
from validate.statistics.summary import summarize
from validate.training import checkpoints
from validate.training.measured_run import _training, perform
from validate.training.presets import Sweep

FAMILIES = (("plain", 8), ("residual", 8), ("se_residual", 8), ("dense", 7))


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def configured(digits, family, depth, device):
    chosen = replace(MINIATURE, sweeps=(Sweep(family, (depth,), 2),), device=device)
    return next(chosen.configs(digits))


def rows(folder):
    return (
        read_jsonl(folder / "epochs.jsonl", EpochRow),
        read_jsonl(folder / "blocks.jsonl", BlockRow),
    )


@pytest.mark.parametrize(("family", "depth"), FAMILIES)
def test_it_leaves_the_records_of_the_cpu(digits, family, depth, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    perform(configured(digits, family, depth, "cpu"), digits, here, lambda _: None)
    config = configured(digits, family, depth, "meta")
    with elsewhere():
        perform(config, digits, there, lambda _: None)
    epochs, blocks = rows(there)
    assert (epochs, blocks) == rows(here)
    assert lacking(config, epochs, blocks) == ""
    recheck(there, epochs, blocks)
    found = summarize(blocks, epochs)
    assert found.bound_checks > 10
    assert found.failures == 0


def test_it_carries_on_from_its_checkpoint_and_any_device_reads_that(digits, tmp_path):
    config = configured(digits, "residual", 8, "meta")
    heard = []

    class Interrupted(Exception):
        pass

    def once(run):
        heard.append(run)
        raise Interrupted

    with elsewhere():
        with pytest.raises(Interrupted):
            perform(config, digits, tmp_path, once)
        perform(config, digits, tmp_path, heard.append)
        there = _training(config, digits)
        assert all(isinstance(value, Elsewhere) for value in there.network.parameters())
    here = _training(config.model_copy(update={"device": "cpu"}), digits)
    path = tmp_path / "checkpoint.safetensors"
    state, epoch, _ = checkpoints.load(path, here.state(), config_hash=config.hash)
    assert epoch == config.epochs
    assert {value.device.type for value in state.values()} == {"cpu"}
    here.restore(state)
    with elsewhere():
        there.restore(state)
    for name, value in there.state().items():
        assert torch.equal(value.held, here.state()[name])


def test_the_other_device_refuses_what_a_gpu_refuses(digits):
    with elsewhere():
        there = torch.ones(3).to("meta")
        for mixed in (
            lambda: there + torch.ones(3),
            lambda: torch.ones(3)[there > 0],
            lambda: torch.randn(3, generator=torch.Generator("cpu"), device="meta"),
        ):
            with pytest.raises(RuntimeError, match="same device"):
                mixed()
        for array in (there.numpy, there.__array__):
            with pytest.raises((RuntimeError, TypeError)):
                array()
        assert (there + torch.tensor(1.0)).tolist() == [2.0] * 3
        network = build("residual-8", seed=0).to("meta").eval()
        image = torch.ones(1, 1, 8, 8).to("meta")
        assert all(isinstance(gain, Elsewhere) for gain in gains(network, image, there[:1].long()))
        with pytest.raises((RuntimeError, InputError)):
            network(image.cpu())
