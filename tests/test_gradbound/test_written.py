"""What verbs say of their work is JSON with a schema, and holds no NaN."""

import json
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from root import ROOT

from gradbound import exits, written
from gradbound.cli import cli
from gradbound.written import CheckCount, FiguresDocument, ValidateDocument, as_json, files_below


def test_the_keys_are_the_attributes_in_their_order() -> None:
    count = CheckCount("kind", "bounds", 3, 1, 0, "")
    found = ValidateDocument("gradbound.validate/1", "out", "cpu", 1, 2, False, (count,))
    text = as_json(found)
    assert text.endswith("}\n")
    read = json.loads(text)
    assert list(read) == [field.name for field in fields(ValidateDocument)]
    assert read["checks"] == [
        {"kind": "kind", "name": "bounds", "checks": 3, "failed": 1, "silent": 0, "note": ""}
    ]
    assert read["verdicts"] is None


def test_a_number_that_is_none_is_refused() -> None:
    broken = FiguresDocument("gradbound.figures/1", "x", (), {"a": float("nan")})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json(broken)


def test_every_document_says_which_schema_it_is() -> None:
    documents = [each for each in vars(written).values() if is_dataclass(each)]
    assert len(documents) == 6
    for each in documents:
        first = fields(each)[0].name  # type: ignore[arg-type]
        assert (first == "schema") is ("`gradbound." in (each.__doc__ or ""))


def test_files_are_listed_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/c", "a", "z"):
        (tmp_path / name).touch()
    assert files_below(tmp_path) == tuple(str(tmp_path / name) for name in ("a", "b/c", "z"))


REFERENCE = ROOT / "docs" / "reference"
JSON_PAGE = (REFERENCE / "json.md").read_text()
COMMANDS_PAGE = (REFERENCE / "command_line.md").read_text()


@pytest.mark.parametrize("verb", cli.commands)
def test_every_verb_speaks_json_of_a_schema_that_is_documented(verb: str) -> None:
    form = next(option for option in cli.commands[verb].params if option.name == "form")
    assert "json" in form.type.choices  # type: ignore[attr-defined]
    (row,) = [line for line in JSON_PAGE.splitlines() if line.startswith(f"| `{verb}` |")]
    (file,) = re.findall(r"\]\(\.\./\.\./([^)]+)\)", row)
    text = (ROOT / file).read_text()
    schemas = re.findall(r"`(gradbound\.[\w-]+/\d)`", row)
    assert schemas
    assert all(schema in text for schema in schemas)


def test_every_exit_code_is_documented() -> None:
    codes = set(re.findall(r"^\| (\d+) \|", COMMANDS_PAGE, re.MULTILINE))
    assert codes == set(re.findall(r"\b(\d+) (?=[a-z])", exits.__doc__ or "")) == CODES


CODES = {"0", "1", "2", "3", "4", "5", "6", "130"}
