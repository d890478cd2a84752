"""Checks the library's public names, and that nothing else is promised."""

import dataclasses
import subprocess
import sys

import pytest

import gradbound as gb
from derivations.book.derive import derive
from derivations.errors import InputError, TimeLimitError


def test_derive_one_block() -> None:
    result = gb.derive("residual")
    assert result.ok
    assert {block.block for block in result.blocks} == {"residual"}
    assert {block.reading for block in result.blocks} == {"scalar", "operator"}
    assert result.failures() == []
    assert str(result).startswith("Residual block (ResNet)\n")
    assert result._repr_latex_().startswith("$")


def test_nothing_is_lost_between_the_processes() -> None:
    assert gb.derive("plain", "residual") == derive(["plain", "residual"])


def test_results_are_frozen() -> None:
    result = gb.derive("plain")
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.ok = False  # type: ignore[misc]


def test_unknown_block_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'nope'.*plain, residual, se_residual, dense"):
        gb.derive("nope")


def test_time_limit() -> None:
    with pytest.raises(TimeLimitError, match=r"0\.001 s"):
        gb.derive("plain", seconds=0.001)


def test_audit_refuses_results_that_are_not_there(tmp_path):
    for folder in (tmp_path / "missing", str(tmp_path)):
        with pytest.raises(InputError, match=r"manifest\.json"):
            gb.audit(folder)


def test_audit_has_a_time_limit():
    with pytest.raises(TimeLimitError, match=r"0\.001 s"):
        gb.audit(seconds=0.001)


@pytest.mark.slow
def test_audit():
    result = gb.audit()
    assert [claim.id for claim in result.claims] == [f"C{number}" for number in range(1, 26)]
    assert result["C5"].verdict == "refuted"
    assert "fashion-mnist" in result["C24"].reading
    assert str(result).startswith("The claims of")
    assert "<table>" in result._repr_html_()


def test_every_public_name_exists_and_no_other() -> None:
    verbs = ["analyze", "assert_flow", "audit", "compare", "derive", "watch"]
    assert dir(gb) == gb.__all__ == ["__version__", *verbs]
    assert all(getattr(gb, name) for name in gb.__all__)
    with pytest.raises(AttributeError, match="no attribute 'validate'"):
        _ = gb.validate  # type: ignore[attr-defined]


def test_star_import_loads_the_public_names() -> None:
    code = "from gradbound import *; assert derive('plain').ok and __version__"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "arguments", [([1, 2], 3), ({"a": 1},), ({1: (2, 3)},), ({},), ({"a": (1, 2)}, 3)]
)
def test_models_to_compare_that_are_given_otherwise_are_told_the_form(arguments):
    with pytest.raises(InputError, match=r"pass \{'a': \(model_a, x\), 'b': \(model_b, x\)\}"):
        gb.compare(*arguments)
