"""What is done and left of a study, and how long that takes."""

from pathlib import Path

import pytest
from test_validate.small_study import drawn_study, small_protocol

from derivations.errors import InputError
from validate.records.codec import write_jsonl
from validate.study.sealed import sealed
from validate.study.study_folder import PROTOCOL_FILE, TRIALS_FILE
from validate.study.study_outlook import outlook

HOUR = 3600.0


def write(folder: Path, study, rows) -> Path:
    folder.mkdir()
    (folder / PROTOCOL_FILE).write_text(study.protocol.text)
    write_jsonl(folder / TRIALS_FILE, list(rows))
    return folder


def lasting(row, seconds: float):
    return sealed(row.model_copy(update={"seconds": seconds}))


@pytest.fixture
def study(tmp_path):
    return drawn_study(protocol=small_protocol(tmp_path))


def test_hours_are_those_of_trials_of_the_same_kind(tmp_path, study):
    """Sixteen trials of flow at 1 or 2 hours, ten of depth at 3: those of the folder come first."""
    hours = {"residual-8": 1, "se_residual-8": 2}
    rows = [
        lasting(row, HOUR * (hours[row.trial.network] if row.trial.claim == "C25" else 3))
        for row in study.rows
    ]
    elsewhere = write(tmp_path / "recorded", study, rows)
    asked = {"protocol": study.protocol, "elsewhere": elsewhere}
    # residual-8 of both parts is one kind here: 8 trials of 1 hour and 3 of 3.
    mixed = (8 * 1 + 3 * 3) / 11
    flow, depth = 8 * mixed + 8 * 2, 3 * mixed + 7 * 3
    new = outlook(tmp_path / "new", 2, **asked)
    whole = flow + depth
    spread = f"about {whole:.1f} hours of process time, {whole / 2:.1f} hours for 2 processes"
    assert new[:4] == [
        f"{tmp_path / 'new'}: 0 of 26 trials done, 26 left, {spread}",
        f"C25: 0 of 16 trials done, 16 left, about {flow:.1f} hours of process time",
        f"C24: 0 of 10 trials done, 10 left, about {depth:.1f} hours of process time",
        "initial ratios: 0 of 32 networks done, 32 left",
    ]
    assert new[4].startswith("process time: what one process took")
    assert (
        "first 2 pairs of residual networks decide whether there are to be 3 or up to 5" in new[5]
    )
    assert not (tmp_path / "new").exists()
    begun = write(tmp_path / "begun", study, [lasting(row, 5 * HOUR) for row in rows[:1]])
    flow = 7 * 5 + 8 * 2
    assert outlook(begun, 1, **asked)[1] == (
        f"C25: 1 of 16 trials done, 15 left, about {flow:.1f} hours of process time"
    )
    assert outlook(elsewhere, 1, **asked) == [
        f"{elsewhere}: 26 of 26 trials done, 0 left",
        "C25: 16 of 16 trials done, 0 left",
        "C24: 10 of 10 trials done, 0 left",
        "initial ratios: 0 of 32 networks done, 32 left",
    ]


def test_an_unknown_time_is_said_to_be_so(tmp_path, study):
    begun = write(tmp_path / "begun", study, study.rows[:1])
    lines = outlook(begun, 1, protocol=study.protocol, elsewhere=tmp_path / "none")
    assert lines[1].endswith(
        "15 left; how long is not known: no trial of se_residual-8 is recorded"
    )


def test_a_folder_that_the_study_cannot_be_made_in_is_refused(tmp_path, study):
    begun = write(tmp_path / "begun", study, ())
    with pytest.raises(InputError, match="under another protocol"):
        outlook(begun, 1)
    (tmp_path / "thesis").mkdir()
    outlook(tmp_path / "thesis", 1)
    (tmp_path / "thesis" / "thesis.tex").touch()
    with pytest.raises(InputError, match="is not empty"):
        outlook(tmp_path / "thesis", 1)
