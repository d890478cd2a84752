"""What counts as a failure of a validation: nothing is missed, and each is named."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from validate.records.schema import BlockRow, BoundRow, EpochRow, Total, VanishingRow
from validate.statistics.summary import SINGLE, failures, remarks, summarize

BOUND = BoundRow(
    id="residual.triangle.lower",
    side="lower",
    certainty="exact",
    delta=None,
    value=(0.5,),
    violations=0,
    tightness=2.0,
)
BLOCK = BlockRow(
    run="residual-d8",
    epoch=1,
    index=0,
    name="stage1_block1",
    kind="residual",
    term="Add(F, Identity)",
    measured=(1.0,),
    predicted=(1.0,),
    vanished=0,
    identity_error=0.0,
    identity_failures=0,
    terms={},
    bounds=(BOUND,),
    law=None,
)
EPOCH = EpochRow(
    run="residual-d8",
    epoch=1,
    status="ok",
    train_loss=0.1,
    train_error=0.0,
    test_error=0.0,
    total=Total(measured=(1.0,), telescoped=(1.0,), relative_error=0.0),
)
LIMIT = VanishingRow(family="dense", inputs=4, epsilon=0.0, seed=0, predicted=2.0, measured=2.0)


CONFIG = SimpleNamespace(copied_samples=0, test_samples=9, version=2)


def results(
    block: BlockRow = BLOCK,
    epoch: EpochRow = EPOCH,
    limit: VanishingRow = LIMIT,
    config: SimpleNamespace = CONFIG,
) -> SimpleNamespace:
    return SimpleNamespace(
        folder=Path("results"),
        runs=(SimpleNamespace(blocks=(block,), epochs=(epoch,), config=config),),
        vanishing=(limit,),
    )


def test_a_validation_without_failures():
    assert failures(results()) == []
    found = summarize([BLOCK], [EPOCH])
    assert (found.bound_checks, found.vacuous, found.violations) == (1, 0, 0)
    assert (found.identity_checks, found.identity_failures) == (1, 0)
    assert (found.total_checks, found.total_failures, found.failures) == (1, 0, 0)
    ended = summarize([BLOCK], [EPOCH.model_copy(update={"bounds": (BOUND, BOUND)})])
    assert ended.bound_checks == 3


def test_a_lower_bound_of_0_says_nothing_and_an_upper_one_does():
    bounds = tuple(
        BOUND.model_copy(update={"side": side, "value": value})
        for side, value in (("lower", (0.0,)), ("lower", (None,)), ("upper", (0.0,)))
    )
    found = summarize([BLOCK.model_copy(update={"bounds": bounds})])
    assert (found.bound_checks, found.vacuous) == (2, 1)


def test_products_with_a_lost_factor_are_no_checks():
    lost = Total(measured=(1.0, 1.0, None), telescoped=(1.0, None, None), relative_error=0.0)
    assert summarize([], [EPOCH.model_copy(update={"total": lost})]).total_checks == 1


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (
            results(
                block=BLOCK.model_copy(
                    update={"bounds": (BOUND.model_copy(update={"violations": 1}),)}
                )
            ),
            "residual.triangle.lower in 1 of 1",
        ),
        (
            results(block=BLOCK.model_copy(update={"identity_failures": 1})),
            "predicted gain in 1 of 1",
        ),
        (
            results(
                epoch=EPOCH.model_copy(
                    update={"total": Total(measured=(1.0,), telescoped=(2.0,), relative_error=0.5)}
                )
            ),
            "off by 5.0e-01",
        ),
        (
            results(
                epoch=EPOCH.model_copy(
                    update={"bounds": (BOUND.model_copy(update={"violations": 1}),)}
                )
            ),
            "from end to end: bound residual.triangle.lower in 1 of 1",
        ),
        (
            results(
                epoch=EPOCH.model_copy(update={"float32_error": 1e-5, "made_on": "NVIDIA H200"})
            ),
            "gains in float32 on NVIDIA H200 are off by 1.0e-05",
        ),
        (
            results(limit=LIMIT.model_copy(update={"measured": 2.1})),
            "a vanished branch leaves 2.1, not 2.0",
        ),
    ],
)
def test_each_failure_is_named(broken, words):
    (line,) = failures(broken)
    assert words in line


def test_float32_is_told_of_and_allowed_64_spacings():
    fine = EPOCH.model_copy(update={"float32_error": SINGLE})
    assert failures(results(epoch=fine)) == []
    coarse = EPOCH.model_copy(update={"float32_error": 2 * SINGLE})
    found = summarize([BLOCK], [EPOCH, fine, coarse])
    assert (found.float32_error, found.float32_failures, found.failures) == (2 * SINGLE, 1, 1)
    assert found.float32_checks == 2


def test_what_a_reader_should_know_is_said_and_is_no_failure():
    assert remarks(results()) == []
    copied = results(config=SimpleNamespace(copied_samples=3, test_samples=9, version=2))
    assert remarks(copied) == [
        (
            "3 of 9 test images are copies of training images: errors on them say nothing of "
            "images that were not learned"
        )
    ]
    masked = results(epoch=EPOCH.model_copy(update={"vanished": 5, "faint": 2}))
    assert remarks(masked) == [
        (
            "7 gains were not measured, for no signal arrived (5) or one too small for digits to "
            "be left (2)"
        )
    ]
    mixed = results()
    other = EPOCH.model_copy(update={"made_on": "cpu AVX2"})
    mixed.runs += (SimpleNamespace(blocks=(), epochs=(other,), config=CONFIG),)
    (line,) = remarks(mixed)
    assert line.startswith("made on processors of several kinds (")
    first = SimpleNamespace(copied_samples=0, version=1, family="dense", width=8, dataset="digits")
    (line,) = remarks(results(config=first))
    assert line.startswith("Wrong before training: these records were measured in eval mode")
    assert failures(masked) == failures(copied) == failures(mixed) == []
