"""Every record of a model has a figure under its name, with words beside it."""

from printed import analysis, watched

from paper_figures.figures.model_plates import model_plates
from paper_figures.figures.model_records import ModelRecords


def test_each_record_has_a_figure():
    plates = model_plates(ModelRecords({"a": analysis()}, {"a": watched(), "b": watched("Other")}))
    assert list(plates) == ["analysis_a", "watch_a", "watch_b"]
    assert all(plate.caption and plate.alt for plate in plates.values())
    assert "net_<1>" in plates["analysis_a"].title
    assert "Other" in plates["watch_b"].title


def test_a_plate_draws_its_own_record():
    plates = model_plates(ModelRecords({"a": analysis()}, {"b": watched("Other")}))
    assert plates["analysis_a"]().axes[0].get_title(loc="left") == "net_<1>"
    assert "Other" in plates["watch_b"]().axes[0].get_title(loc="left")


def test_without_records_there_is_none():
    assert model_plates(ModelRecords()) == {}


def test_titles_name_the_record_and_alerts_stand_in_words():
    twice = model_plates(ModelRecords({}, {"a": watched(), "b": watched()}))
    assert twice["watch_a"].title != twice["watch_b"].title
    assert "(record b)" in twice["watch_b"].title
    note, *_ = [each for each in twice["watch_a"].notes if each.startswith("Alert at step")]
    alert = watched().alerts[0]
    assert alert.block in note
    assert alert.cause in note
    assert "triangles" in twice["watch_a"].caption
