import json

import pytest
from test_validate.small_study import drawn_initial, drawn_study, small_protocol

from derivations.errors import InputError
from validate.comparison.initial_bands import BANDS
from validate.records.codec import write_jsonl
from validate.study.protocol import read_protocol
from validate.study.sealed import sealed
from validate.study.study_folder import is_study, open_study, read_study
from validate.study.trials import planned


@pytest.fixture
def protocol(tmp_path):
    return small_protocol(tmp_path)


@pytest.fixture
def folder(tmp_path, protocol):
    """A study that is whole."""
    out = tmp_path / "study"
    with open_study(out, protocol) as add:
        for row in drawn_study(protocol=protocol).rows:
            add(row)
    return out


def altered(folder, change):
    """The records with `change` made to the third of them, without its seal."""
    path = folder / "trials.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    change(lines[2])
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_what_is_added_is_read_back_in_the_order_of_the_plan(tmp_path, protocol):
    rows = drawn_study(protocol=protocol).rows
    with open_study(tmp_path / "study", protocol) as add:
        for row in reversed(rows):
            study = add(row)
    assert study.rows == rows
    assert not study.missing
    assert read_study(tmp_path / "study") == study
    assert is_study(tmp_path / "study")


def test_what_is_missing_is_told(folder, protocol):
    rows = read_study(folder).rows
    write_jsonl(folder / "trials.jsonl", [*rows[:1], *rows[3:]])
    study = read_study(folder)
    assert study.missing == planned(protocol)[1:3]
    with open_study(folder, protocol) as add:
        add(rows[2])
        assert add(rows[1]).rows == rows


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda line: line.update(test_error=0.0), "was altered"),
        (lambda line: line.update(batch_ratios=[1.0, 1.0]), "was altered"),
        (lambda line: line.update(seconds=0.0), "was altered"),
        (lambda line: line["trial"].update(seed=7), "was altered"),
        (lambda line: line.update(seal="0" * 64), "was altered"),
        (lambda line: line.update(more=1), "no valid record"),
        (lambda line: line.pop("schema"), "states no schema"),
    ],
)
def test_a_record_that_was_altered_is_refused(folder, change, said):
    altered(folder, change)
    with pytest.raises(InputError, match=rf"trials\.jsonl:3.*{said}"):
        read_study(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"protocol": "0" * 64}, "under another protocol"),
        ({"data": ("2" * 64, "3" * 64)}, "saw different images"),
        ({"parameters": 2}, "differ in parameters"),
        ({"batch_ratios": ()}, "do not go with a status 'ok'"),
        ({"test_error": None}, "do not go with a status 'ok'"),
        ({"status": "diverged"}, "do not go with a status 'diverged'"),
    ],
)
def test_a_sealed_record_of_another_study_is_refused(folder, change, said):
    rows = list(read_study(folder).rows)
    rows[2] = sealed(rows[2].model_copy(update=change))
    write_jsonl(folder / "trials.jsonl", rows)
    with pytest.raises(InputError, match=said):
        read_study(folder)


def test_a_trial_that_is_not_planned_and_one_made_twice_are_refused(folder):
    rows = read_study(folder).rows
    foreign = rows[2].trial.model_copy(update={"seed": 7})
    for extra, said in (
        (sealed(rows[2].model_copy(update={"trial": foreign})), "no trial of the protocol"),
        (rows[2], "there twice"),
    ):
        write_jsonl(folder / "trials.jsonl", [*rows, extra])
        with pytest.raises(InputError, match=said):
            read_study(folder)


def test_another_protocol_carries_nothing_on(folder, protocol, tmp_path):
    with pytest.raises(InputError, match="another protocol"), open_study(folder, read_protocol()):
        pass
    (folder / "protocol.toml").write_text(read_protocol().text)
    with pytest.raises(InputError, match="another protocol"):
        read_study(folder)


def test_a_folder_of_something_else_is_refused(tmp_path, protocol):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"), open_study(tmp_path, protocol):
        pass
    assert not is_study(tmp_path)
    with pytest.raises(InputError, match=r"holds no protocol\.toml"):
        read_study(tmp_path)


def test_two_commands_do_not_write_to_one_folder(folder, protocol):
    with (
        open_study(folder, protocol),
        pytest.raises(InputError, match="another"),
        open_study(folder, protocol),
    ):
        pass


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: [rows[0].model_copy(update={"predicted": 0.0}), rows[1]], "was altered"),
        (lambda rows: [rows[0], rows[0]], "a network twice"),
        (lambda rows: [sealed(rows[0].model_copy(update={"seeds": (100,)}))], "a ratio per seed"),
    ],
)
def test_ratios_of_fresh_networks_that_were_altered_are_refused(folder, protocol, change, said):
    with open_study(folder, protocol) as add:
        for band in BANDS[:2]:
            study = add(drawn_initial(band))
    assert [row.network for row in study.initial] == [band.network for band in BANDS[:2]]
    assert len(study.missing_bands) == len(BANDS) - 2
    write_jsonl(folder / "initial_ratios.jsonl", change(list(study.initial)))
    with pytest.raises(InputError, match=said):
        read_study(folder)
