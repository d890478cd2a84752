"""What a watch leaves behind is read back as it was, and nothing else is."""

import json

import pytest
from printed import watched

from derivations.errors import InputError
from validate.watching.watch_document import SCHEMA, BlockRow, WatchDocument, WatchRows


def test_the_json_is_read_back():
    assert WatchDocument.of(watched().json()) == watched()
    assert json.loads(watched().json())["schema"] == SCHEMA == "gradbound.watch/1"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"schema": "gradbound.watch/2"}, "schema"),
        ({"every": 0}, "every"),
        ({"more": 1}, "more"),
        ({"target": None}, "target"),
        ({"blocks": [{"step": -1}]}, r"blocks\.0\.step"),
    ],
)
def test_anything_else_is_refused_with_its_place(change, place):
    plain = json.loads(watched().json()) | change
    with pytest.raises(InputError, match=rf"no gradbound\.watch/1 document: {place}"):
        WatchDocument.of(json.dumps(plain))


@pytest.mark.parametrize("value", [-0.5, float("nan"), float("inf"), "1", True])
@pytest.mark.parametrize("key", ["gain", "signal"])
def test_a_norm_is_a_number_from_0_on(key, value):
    plain = json.loads(watched().json())
    plain["blocks"][0][key] = value
    with pytest.raises(InputError, match=rf"blocks\.0\.{key}"):
        WatchDocument.of(json.dumps(plain))


def row(step, block, gain):
    return BlockRow(step, block, "plain", gain, 1.0, None, None)


def test_rows_print_themselves_block_by_block():
    rows = WatchRows([row(0, "a", 0.5), row(0, "b", None), row(1, "a", 2.0), row(1, "b", None)])
    assert repr(rows).splitlines() == [
        "Gains of the whole batch",
        "  block  kind   rows  last gain  least  median  greatest",
        "  a      plain  2     2          0.5    0.5     2",
        "  b      plain  2     –          –      –       –",
    ]
    assert "<td>0.5</td>" in rows._repr_html_()
    assert rows == list(rows)


def test_a_document_prints_its_gains_and_its_alerts():
    found = watched()
    assert all(row.block in repr(found) for row in found.blocks)
    assert found.alerts
    assert all(alert.cause in repr(found) for alert in found.alerts)
    assert "BlockRow(" not in repr(found)
