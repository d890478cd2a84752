import math

import pytest
import torch

from validate.watching.alerts import AlertJudge, AlertRules
from validate.watching.watch_document import BlockRow
from validate.watching.watch_ledger import ALL, PENDING, ParameterNorms, WatchLedger
from validate.watching.watch_plan import WatchedBlock, WatchPlan

PLAN = WatchPlan((WatchedBlock("a", "plain", None, (0,), (), ()),
                  WatchedBlock("b", "residual", (0,), (1,), (2,), ())), ())  # fmt: skip


def numbers(*values):
    return {
        index: torch.tensor(value, dtype=torch.float32 if index == 2 else torch.float64)
        for index, value in enumerate(values)
    }


def norms(**sizes):
    gradients, weights = zip(*sizes.values(), strict=True)
    return ParameterNorms(
        tuple(sizes), tuple(map(torch.tensor, gradients)), tuple(map(torch.tensor, weights))
    )


class Scalars(list):
    def add_scalar(self, tag, value, step):
        self.append((tag, value, step))


def test_numbers_become_rows_when_they_are_read():
    ledger = WatchLedger(None, None, None)
    ledger.add(4, PLAN, numbers(1.0, 4.0, 0.5), None)
    assert not ledger.blocks
    ledger.read()
    assert list(ledger.blocks) == [
        (
            BlockRow(4, "a", "plain", None, 1.0, None, None),
            BlockRow(4, "b", "residual", 0.25, 4.0, 0.5, None),
        )
    ]
    ledger.read()
    assert len(ledger.blocks) == 1


def test_many_pending_passes_are_read_unasked():
    ledger = WatchLedger(None, None, None)
    for step in range(PENDING):
        assert not ledger.blocks
        ledger.add(step, PLAN, numbers(1.0, 4.0), None)
    assert len(ledger.blocks) == PENDING


def test_parameters_have_a_row_each_and_one_for_all():
    ledger = WatchLedger(None, None, None)
    ledger.add(0, PLAN, {}, norms(w=(3.0, 6.0), v=(4.0, 8.0), zero=(0.0, 0.0)))
    ledger.read()
    found = [(row.name, row.gradient, row.relative) for row in ledger.parameters[0]]
    assert found == [("w", 3.0, 0.5), ("v", 4.0, 0.5), ("zero", 0.0, None), (ALL, 5.0, 0.5)]


def test_what_is_no_number_is_no_row_and_no_scalar():
    writer = Scalars()
    ledger = WatchLedger(None, writer, None)
    ledger.add(0, PLAN, numbers(math.nan, 1.0), norms(w=(math.inf, 1.0), v=(1.0, 1.0)))
    ledger.read()
    assert [(row.gain, row.signal) for row in ledger.blocks[0]] == [(None, None), (None, 1.0)]
    assert [row.name for row in ledger.parameters[0]] == ["v"]
    assert writer == [("gradient/v", 1.0, 0), ("relative/v", 1.0, 0)]


def test_scalars_have_their_step_and_are_written_once():
    writer = Scalars()
    ledger = WatchLedger(None, writer, 1)
    ledger.add(3, PLAN, numbers(1.0, 4.0), None)
    ledger.add(5, PLAN, numbers(1.0, 2.0), None)
    ledger.read()
    ledger.read()
    assert writer == [("gain/b", 0.25, 3), ("gain/b", 0.5, 5)]
    assert [rows[0].step for rows in ledger.blocks] == [5]


@pytest.mark.parametrize("judge", [None, AlertJudge(AlertRules(patience=1, min_gain=0.3))])
def test_alerts_are_those_of_the_judge(judge):
    ledger = WatchLedger(judge, None, 1)
    for step in range(3):
        ledger.add(step, PLAN, numbers(1.0, 4.0 if step < 2 else 2.0), None)
    ledger.read()
    assert [(alert.step, alert.block) for alert in ledger.alerts] == ([(0, "b")] if judge else [])
