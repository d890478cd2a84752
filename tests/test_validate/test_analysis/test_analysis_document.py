"""The document orders its blocks, flattens to rows and survives JSON."""

import json
from dataclasses import replace

import pytest
from printed import analysis, block

from derivations.errors import InputError
from validate.analysis.analysis_document import Analysis, BoundValue, Spread, block_bound


def test_worst_blocks_come_first_and_unreached_ones_last():
    found = analysis()
    assert [each.name for each in found.worst] == ["dying", "weak", "fine", "far"]
    assert [each.name for each in found.losing] == ["dying", "weak"]
    assert [each.name for each in found.unreached] == ["far"]


def test_what_only_moves_entries_is_not_shown():
    found = analysis()
    reshape = replace(found.blocks[3], kind="linear", gain=Spread(1.0, 1.0, 1.0 + 1e-9))
    scale = replace(found.blocks[3], kind="linear", gain=Spread(0.5, 1.0, 2.0))
    blocks = (*found.blocks, reshape, scale)
    assert replace(found, blocks=blocks).shown == (*found.blocks, scale)


def test_blocks_are_found_by_name():
    assert analysis()["weak"].index == 2
    with pytest.raises(KeyError):
        analysis()["none"]


def test_the_bound_that_says_most_is_chosen():
    assert block_bound(block(0, "x", 1.0), "lower") == 0.25
    assert block_bound(block(0, "x", 1.0), "upper") == 2.5
    assert block_bound(block(0, "x", None), "upper") is None


def test_a_bound_for_some_losses_is_none_of_another_signal():
    found = block(0, "x", 1.0)
    made = BoundValue("every_loss.labels", "lower", 0.9, "exact", "labels", None)
    assert block_bound(replace(found, bounds=(*found.bounds, made)), "lower") == 0.25
    for narrow in ("shift_invariant", "all"):
        made = replace(made, id=f"every_loss.{narrow}")
        expected = 0.9 if narrow == "all" else 0.25
        assert block_bound(replace(found, bounds=(*found.bounds, made)), "lower") == expected


def test_rows_are_flat():
    rows = analysis().rows()
    assert rows[0]["gain"] is None
    assert rows[2] == {
        "index": 2, "name": "weak", "kind": "residual", "gain_min": 0.0625, "gain": 0.125,
        "gain_max": 0.25, "t": 0.5, "c": -0.25, "lower": 0.25, "upper": 2.5,
        "lost_by": "gate: shut",
    }  # fmt: skip


def test_json_is_read_back_and_nothing_else_is():
    found = analysis()
    assert Analysis.of(found.json()) == found
    assert list(found.to_dict()) == [
        "schema", "target", "device", "dtype", "input_shape", "signal", "capture", "blocks",
        "parameters", "total",
    ]  # fmt: skip
    for wrong in ("{}", "[]", "x", found.json().replace("/1", "/2"), found.json()[:-9]):
        with pytest.raises(InputError, match=r"no gradbound\.analyze/1 document"):
            Analysis.of(wrong)


def test_nan_is_never_written():
    broken = replace(analysis(), total=replace(analysis().total, measured=float("nan")))
    assert "NaN" not in broken.json()
    assert Analysis.of(broken.json()).total.measured is None


def test_a_block_is_judged_without_what_its_averages_take():
    lossy = replace(block(0, "lossy", 0.01, "contraction"), averaged=64)
    pool = replace(block(1, "pool", 0.125), averaged=64)
    noted = replace(block(2, "noted", 0.1, "the branch"), averaged=64)
    found = replace(analysis(), blocks=(pool, noted, lossy))
    assert lossy.judged == pytest.approx(0.08)
    assert [each.name for each in found.worst] == ["lossy", "noted", "pool"]
    assert found.losing == (lossy,)
    assert found.noted == (noted,)
    assert found.averaging == (pool, noted)
    assert Analysis.of(found.json()) == found


def test_an_older_record_without_averages_is_read():
    plain = json.loads(analysis().json())
    for each in plain["blocks"]:
        del each["averaged"], each["constant"]
    assert Analysis.of(json.dumps(plain)) == analysis()
