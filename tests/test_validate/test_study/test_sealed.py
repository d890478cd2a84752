from test_validate.small_study import drawn_study

from validate.study.sealed import is_intact, sealed


def test_a_record_that_was_altered_is_seen():
    row = drawn_study().rows[0]
    assert is_intact(row)
    assert not is_intact(row.model_copy(update={"test_error": 0.01}))
    assert not is_intact(row.model_copy(update={"seal": ""}))
    other = row.trial.model_copy(update={"seed": row.trial.seed + 1})
    assert not is_intact(row.model_copy(update={"trial": other}))
    assert is_intact(sealed(row.model_copy(update={"trial": other})))
