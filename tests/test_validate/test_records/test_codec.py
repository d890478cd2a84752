"""Encoding: a round trip keeps every bit, and what is no record is refused in one line."""

import json
import math
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derivations.errors import InputError
from validate.records.codec import decode, document_of, encode
from validate.records.schema import VanishingRow

ROW = VanishingRow(
    family="dense", inputs=3, epsilon=0.1, seed=0, predicted=math.sqrt(3), measured=1.7
)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_survive_a_round_trip(value):
    again = decode(encode(ROW.model_copy(update={"measured": value})), VanishingRow, "text")
    assert math.copysign(1, again.measured) == math.copysign(1, value)
    assert again.measured == value


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda row: row | {"schema": "gradbound.vanishing/2"},
            "schema: Input should be 'gradbound.vanishing/1'",
        ),
        (
            lambda row: {key: value for key, value in row.items() if key != "schema"},
            "states no schema",
        ),
        (lambda row: row | {"more": 1}, "more: Extra inputs are not permitted"),
        (
            lambda row: {key: value for key, value in row.items() if key != "seed"},
            "seed: Field required",
        ),
        (lambda row: row | {"seed": "0"}, "seed: Input should be a valid integer"),
        (lambda row: row | {"measured": math.nan}, "measured: Input should be a finite number"),
        (lambda row: row | {"measured": math.inf}, "measured: Input should be a finite number"),
        (lambda row: [row], "text is no valid record"),
    ],
)
def test_foreign_rows_are_refused_in_one_line(change, words):
    with pytest.raises(InputError) as refusal:
        decode(json.dumps(change(json.loads(encode(ROW)))).encode(), VanishingRow, "text")
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000, encode(ROW)[:-9]])
def test_broken_json_is_refused(data):
    with pytest.raises(InputError, match="text is no valid record"):
        decode(data, VanishingRow, "text")


@dataclass(frozen=True)
class Document:
    schema: Literal["x/1"]
    sizes: tuple[int, ...]


def test_a_document_is_read_or_refused_with_its_place():
    assert document_of(Document, '{"schema": "x/1", "sizes": [1]}', "x/1") == Document("x/1", (1,))
    for text, place in (
        ('{"schema": "x/2", "sizes": []}', "schema"),
        ('{"schema": "x/1", "sizes": [1, "2"]}', r"sizes\.1"),
        ("{", ""),
    ):
        with pytest.raises(InputError, match=rf"no x/1 document: {place}"):
            document_of(Document, text, "x/1")
