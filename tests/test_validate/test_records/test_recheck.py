"""Rechecking: what a record concludes from its numbers is recomputed, what is missing is seen."""

import shutil
from pathlib import Path

import pytest
from test_validate.altered import alter

from derivations.errors import InputError
from validate.records.read import read_results
from validate.records.recheck import recheck
from validate.records.schema import BlockRow, BoundRow, EpochRow, Total


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


def test_an_alignment_has_the_sign_of_its_cosine(folder):
    def turned(rows):
        rows[0]["law"]["alignment"][0] *= -1
        return rows

    alter(folder, "runs/dense-d7-w2-s0/blocks.jsonl", turned)
    with pytest.raises(
        InputError, match="the sign of an alignment is not what the stored gains give"
    ):
        read_results(folder)


BOUND = BoundRow(
    id="b.lower", side="lower", certainty="exact", delta=None, value=(0.5, None, 0.5), violations=1,
    tightness=2.0,
)  # fmt: skip
BLOCK = BlockRow(
    run="run", epoch=0, index=0, name="block", kind="residual", term="Add",
    measured=(1.0, None, 1.0),
    predicted=(1.0, None, 1.0), vanished=1, identity_error=0.0, identity_failures=0,
    terms={"t": (0.5, None, 0.5)}, bounds=(BOUND.model_copy(update={"violations": 0}),), law=None,
    masked=(None, "zero", None),
)  # fmt: skip
TOTAL = Total(measured=(1.0, None, 1.0), telescoped=(1.0, None, 1.0), relative_error=0.0)
END = BOUND.model_copy(update={"id": "every_loss.labels", "violations": 0})
EPOCH = EpochRow(
    run="run", epoch=0, status="ok", train_loss=0.1, train_error=0.0, test_error=0.0, total=TOTAL,
    batch_ratio=6.0, batch_gains=(2.0, 3.0), bounds=(END,), vanished=1,
)  # fmt: skip


def test_rows_that_say_what_their_numbers_say_pass():
    recheck(Path("run"), [EPOCH], [BLOCK])


@pytest.mark.parametrize(
    ("gains", "ratio"),
    [((None, 0.0), 0.0), ((None, 2.0), None), ((2.0, None), None), ((2.0, None, 3.0), 6.0)],
)
def test_a_batch_that_lost_its_signal_on_the_way_passes(gains, ratio):
    epoch = EPOCH.model_copy(update={"batch_gains": gains, "batch_ratio": ratio})
    recheck(Path("run"), [epoch], [BLOCK])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vanished": 0}, "the number of vanished signals"),
        ({"predicted": (None, 1.0, 1.0)}, "the number of vanished signals"),
        ({"masked": ()}, "the reason for a missing gain"),
        ({"masked": ("zero", None, None)}, "the reason for a missing gain"),
        ({"masked": (None, None, None)}, "the reason for a missing gain"),
        ({"identity_error": 0.1}, "identity_error"),
        ({"identity_error": None}, "identity_error"),
        ({"identity_failures": 1}, "identity_failures"),
        ({"predicted": (1.1, None, 1.0), "identity_error": (1.1 - 1.0) / 1.1}, "identity_failures"),
        ({"bounds": (BOUND,)}, "violations of b.lower"),
        (
            {"bounds": (BOUND.model_copy(update={"violations": 0, "tightness": 1.4}),)},
            "tightness of b.lower",
        ),
        (
            {"bounds": (BOUND.model_copy(update={"value": (0.5, None, 1.1), "violations": 0}),)},
            "violations",
        ),
    ],
)
def test_a_block_that_says_something_else_is_refused(change, words):
    wrong = BLOCK.model_copy(update=change)
    with pytest.raises(InputError, match=f"run, epoch 0, block: .*{words}"):
        recheck(Path("run"), [EPOCH], [wrong])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"total": None}, "its total"),
        ({"total": None, "status": "diverged"}, "its batch_ratio"),
        ({"batch_ratio": 5.9}, "batch_ratio"),
        ({"batch_ratio": None}, "batch_ratio"),
        ({"batch_gains": (2.0, 3.1)}, "batch_ratio"),
        ({"batch_gains": (2.0, None, 3.0), "batch_ratio": None}, "batch_ratio"),
        ({"vanished": 0}, "the number of vanished signals"),
        ({"vanished": 0, "faint": 1}, "the number of vanished signals"),
        ({"faint": 1}, "the number of vanished signals"),
        (
            {"total": TOTAL.model_copy(update={"telescoped": (2.0, None, 1.0)})},
            "the product of the gains",
        ),
        ({"total": TOTAL.model_copy(update={"measured": (1.0, None)})}, "the product of the gains"),
        ({"total": TOTAL.model_copy(update={"relative_error": 1e-3})}, "relative_error"),
        (
            {"bounds": (END.model_copy(update={"violations": 1}),)},
            "violations of every_loss.labels",
        ),
        (
            {"bounds": (END.model_copy(update={"tightness": 1.0}),)},
            "tightness of every_loss.labels",
        ),
        ({"bounds": (END.model_copy(update={"value": (0.5,)}),)}, "the number of values of every_"),
        (
            {
                "total": None,
                "batch_ratio": None,
                "batch_gains": (),
                "status": "diverged",
                "bounds": (END,),
            },
            "its bounds",
        ),
        (
            {
                "total": None,
                "batch_ratio": None,
                "batch_gains": (),
                "status": "diverged",
                "bounds": (),
            },
            "the number of vanished signals",
        ),
        ({"total": TOTAL.model_copy(update={"measured": (0.5, None, 1.0)})}, "relative_error"),
    ],
)
def test_an_epoch_that_says_something_else_is_refused(change, words):
    with pytest.raises(InputError, match=f"run, epoch 0: {words}"):
        recheck(Path("run"), [EPOCH.model_copy(update=change)], [BLOCK])


@pytest.mark.parametrize(("name", "passes"), [("every_loss.labels", True), ("b.lower", False)])
def test_two_passes_may_differ_by_more_than_one(name, passes):
    value = (0.5, None, 1 + 1e-9)
    bound = BOUND.model_copy(update={"id": name, "value": value, "violations": 0, "tightness": 1.5})
    row = BLOCK.model_copy(update={"bounds": (bound,)})
    if passes:
        recheck(Path("run"), [EPOCH], [row])
    else:
        with pytest.raises(InputError, match="violations of b"):
            recheck(Path("run"), [EPOCH], [row])


@pytest.mark.parametrize("value", [None, 1.0])
@pytest.mark.parametrize(("count", "passes"), [(0, True), (1, True), (2, False)])
def test_violations_were_counted_before_a_bound_was_stored(value, count, passes):
    """Infinite bounds are null, and one at the gain may have been beyond it before rounding."""
    bound = BOUND.model_copy(
        update={
            "value": (0.5, None, value),
            "violations": count,
            "tightness": 1.5 if value else 2.0,
        }
    )
    row = BLOCK.model_copy(update={"bounds": (bound,)})
    if passes:
        recheck(Path("run"), [EPOCH], [row])
    else:
        with pytest.raises(InputError, match=r"violations of b\.lower"):
            recheck(Path("run"), [EPOCH], [row])
