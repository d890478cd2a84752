import math

import pytest
import torch
from test_validate.small_study import small_protocol
from torch.nn.functional import cross_entropy

from validate.data.datasets import load
from validate.measure.network_gains import measure_batch
from validate.study.perform_trial import initial_network, perform_trial
from validate.study.protocol import read_protocol
from validate.study.sealed import is_intact
from validate.study.trials import planned


@pytest.fixture(scope="module")
def protocol(tmp_path_factory):
    return small_protocol(tmp_path_factory.mktemp("protocol"))


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_a_trial_made_again_gives_the_same_record(protocol, digits):
    trial = planned(protocol)[1]
    first, second = (perform_trial(protocol, trial, digits) for _ in range(2))
    assert is_intact(first)
    same = {"seconds": 0.0, "seal": ""}
    assert first.model_copy(update=same) == second.model_copy(update=same)
    assert first.status == "ok"
    assert first.trial == trial


def test_the_measure_is_that_of_the_first_batch_in_train_mode(protocol, digits):
    trial = planned(protocol)[1]
    row = perform_trial(protocol, trial, digits)
    network = initial_network(protocol, trial, digits).double().train()
    used = digits.first(trial.train_samples, None).train.first(protocol.training.batch_size)
    h = network.stem(used.images.double()).detach().requires_grad_()
    last = h
    for _, segment in network.chain():
        last = segment(last)
    loss = cross_entropy(network.head(last), used.labels)
    first, end = torch.autograd.grad(loss, [h, last])
    assert row.batch_ratios[0] == pytest.approx(float(first.norm() / end.norm()), rel=1e-12)
    assert row.batch_ratios[1] != row.batch_ratios[0]


def test_levels_have_equal_parameters_and_other_flow(digits):
    protocol = read_protocol()
    batch = digits.train.first(protocol.training.batch_size)
    ratios, parameters = {}, set()
    for trial in planned(protocol)[:8]:
        assert trial.network == "residual-20"
        network = initial_network(protocol, trial, digits)
        parameters.add(sum(each.numel() for each in network.parameters()))
        ratios[trial.skip, trial.branch] = measure_batch(network, batch.images, batch.labels).total
    assert len(parameters) == 1
    assert ratios[0.0, 1.0] > ratios[0.5, 1.0] > ratios[1.0, 1.0]
    assert ratios[1.0, 0.0] < ratios[1.0, 0.3] < ratios[1.0, 1.0] < ratios[1.0, 3.0]


def test_an_untrained_signal_of_zero_has_no_ratio(protocol, digits, monkeypatch):
    monkeypatch.setattr(
        "validate.study.perform_trial.measure_batch",
        lambda *arguments: type("Found", (), {"total": math.nan}),
    )
    assert perform_trial(protocol, planned(protocol)[0], digits).batch_ratios == (None, None)


def test_a_training_that_diverges_is_recorded_as_that(protocol, digits):
    wild = protocol.model_copy(
        update={
            "training": protocol.training.model_copy(
                update={"learning_rate": 1e30, "warmup_epochs": 0, "batch_size": 16}
            )
        }
    )
    row = perform_trial(wild, planned(protocol)[0], digits)
    assert row.status == "diverged"
    assert (row.train_loss, row.train_error, row.test_error) == (None, None, None)
    assert len(row.batch_ratios) == 1
    assert is_intact(row)
