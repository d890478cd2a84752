"""Summaries: counts add up over families and epochs, and a missed limit is noticed."""

from validate.records.read import read_results
from validate.records.schema import VanishingRow
from validate.statistics.summary import misses_limit, summarize, summarize_by


def test_a_missed_limit_is_noticed():
    row = VanishingRow(family="dense", inputs=4, epsilon=0.0, seed=0, predicted=2.0, measured=2.0)
    assert not misses_limit(row)
    assert misses_limit(row.model_copy(update={"predicted": 2.0 + 1e-9}))
    assert not misses_limit(row.model_copy(update={"epsilon": 0.1, "measured": 5.0}))


def test_summaries_by_family_and_epoch_add_up(finished):
    results = read_results(finished)
    whole = summarize(
        (row for run in results.runs for row in run.blocks),
        (row for run in results.runs for row in run.epochs),
    )
    by_family = summarize_by(results, lambda config, epoch: config.family)
    by_epoch = summarize_by(results, lambda config, epoch: epoch)
    assert list(by_family) == ["residual", "dense"]
    assert list(by_epoch) == [0, 1, 2]
    for parts in (by_family, by_epoch):
        assert sum(part.bound_checks for part in parts.values()) == whole.bound_checks
        assert sum(part.identity_checks for part in parts.values()) == whole.identity_checks
        assert max(part.identity_error for part in parts.values()) == whole.identity_error
        assert max(part.total_error for part in parts.values()) == whole.total_error > 0
    assert by_epoch[1].bound_checks < by_epoch[0].bound_checks == by_epoch[2].bound_checks
    assert whole.failures == 0
