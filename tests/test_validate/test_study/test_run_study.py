import pytest
from test_validate.small_study import drawn_initial, small_protocol

from derivations.errors import InputError
from validate.comparison.initial_bands import BANDS
from validate.study.run_study import run_study
from validate.study.study_folder import open_study, read_study
from validate.study.trials import planned


@pytest.fixture(scope="module")
def protocol(tmp_path_factory):
    return small_protocol(tmp_path_factory.mktemp("protocol"))


@pytest.fixture(autouse=True, scope="module")
def no_bands():
    """Fresh networks are full-size: their part has a test of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("validate.study.study_folder.BANDS", ())
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory, protocol):
    return run_study(tmp_path_factory.mktemp("study"), protocol=protocol)


def without_time(rows):
    return [row.model_copy(update={"seconds": 0.0, "seal": ""}) for row in rows]


def test_every_trial_is_made_once(whole, protocol):
    assert [row.trial for row in whole.rows] == list(planned(protocol))
    assert not whole.missing
    assert all(row.status == "ok" for row in whole.rows)


def test_an_interrupted_study_is_carried_on_with(whole, protocol, tmp_path, monkeypatch):
    made = []

    def interrupted(protocol, trial, dataset, advance):
        made.append(trial)
        if len(made) == 5:
            raise KeyboardInterrupt
        return next(row for row in whole.rows if row.trial == trial)

    monkeypatch.setattr("validate.study.run_study.perform_trial", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_study(tmp_path, protocol=protocol)
    assert len(read_study(tmp_path).rows) == 4
    assert run_study(tmp_path, protocol=protocol).rows == whole.rows
    assert len(made) == len(whole.rows) + 1


def test_more_pairs_are_made_where_the_first_deviate_more(protocol, tmp_path, whole):
    wide = small_protocol(tmp_path, **{"planned = 1e9": "planned = 1e-9"})
    study = run_study(tmp_path / "study", protocol=wide)
    deep = [row for row in study.of_claim("C24") if row.trial.network == "residual-14"]
    assert len(deep) == 5
    assert len(study.rows) == len(whole.rows) + 4


@pytest.mark.slow
def test_records_do_not_depend_on_the_number_of_processes(whole, protocol, tmp_path):
    two = run_study(tmp_path, protocol=protocol, processes=2)
    assert without_time(two.rows) == without_time(whole.rows)


def test_every_band_is_measured_once(whole, protocol, tmp_path, monkeypatch):
    made = []

    def measured(band, data_folder):
        made.append(band)
        return drawn_initial(band)

    monkeypatch.setattr("validate.study.study_folder.BANDS", BANDS[:3])
    monkeypatch.setattr("validate.study.run_study.initial_row", measured)
    monkeypatch.setattr(
        "validate.study.run_study.perform_trial",
        lambda protocol, trial, dataset, _: next(row for row in whole.rows if row.trial == trial),
    )
    with open_study(tmp_path, protocol) as add:
        add(drawn_initial(BANDS[1]))
    study = run_study(tmp_path, protocol=protocol)
    assert made == [BANDS[0], BANDS[2]]
    assert {row.network for row in study.initial} == {band.network for band in BANDS[:3]}
    assert not study.missing_bands
    assert read_study(tmp_path) == study


def test_missing_data_leave_no_folder(protocol, tmp_path):
    foreign = protocol.model_copy(
        update={"training": protocol.training.model_copy(update={"dataset": "cifar10"})}
    )
    with pytest.raises(InputError):
        run_study(tmp_path / "study", protocol=foreign, data_folder=tmp_path)
    assert not (tmp_path / "study").exists()
