"""Values are those of the rooms; a shell completes them, and a wrong one is told what was meant."""

import os
import subprocess
import sys

import pytest
from root import ROOT

from derivations.algebra.blocks import BLOCKS
from gradbound.choices import DATASETS, FIGURES, FORMATS, OF_A_STUDY, PRESETS, TABLES
from gradbound.cli import cli, main
from gradbound.verbs.law_command import FAMILIES
from gradbound.verbs.study_commands import STUDY


def test_choices_are_those_of_the_rooms() -> None:
    from derivations.book.text import FORMATS as typeset_formats
    from validate.audit.audit_document import FORMATS as audit_formats
    from validate.comparison.law_checks import FAMILIES as families
    from validate.data.datasets import DATASETS as loaders
    from validate.training.presets import PRESETS as presets

    assert tuple(typeset_formats) == tuple(audit_formats) == FORMATS
    assert tuple(loaders) == DATASETS
    assert tuple(presets) == tuple(name for name in PRESETS if name != STUDY)
    assert families == FAMILIES


def test_the_names_of_figures_and_tables_are_those_that_are_drawn() -> None:
    from paper_figures import FIGURES as figures
    from paper_figures import STUDY_PLATES as plates
    from paper_figures import TABLES as tables

    assert set(FIGURES) == set(figures)
    assert set(TABLES) == set(tables)
    assert set(OF_A_STUDY) == set(plates)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["derve"], "derive"),
        (["derive", "residul"], "residual"),
        (["derive", "--format", "jason"], "json"),
        (["audit", "--format", "latec"], "latex"),
        (["validate", "--preset", "smok"], "smoke"),
        (["validate", "--dataset", "cifar"], "cifar10"),
        (["figures", "--only", "sqrt-law"], "sqrt_law"),
        (["check-laws", "dept"], "depth"),
        (["analyze", "resnet5"], "resnet50"),
    ],
)
def test_what_was_meant_is_said(
    capsys: pytest.CaptureFixture[str], arguments: list[str], meant: str
) -> None:
    assert main(arguments) in (2, 3)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"did you mean {meant!r}?" in err
    assert err.count("\n") == 1


def completed(*words: str) -> set[str]:
    """What bash is offered for the last of these words."""
    asked = {
        "_GRADBOUND_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("gradbound", *words)),
        "COMP_CWORD": str(len(words)),
    }
    code = "import sys; from gradbound.cli import main; sys.exit(main([]))"
    outcome = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return {line.partition(",")[2] for line in outcome.stdout.splitlines()}


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("figures", "--only", "table_"), {n for n in (*TABLES, *OF_A_STUDY) if n[:6] == "table_"}),
        (("figures", "--only", "b"), {n for n in FIGURES if n[0] == "b"}),
        (("derive", "r"), {name for name in BLOCKS if name[0] == "r"}),
        (("validate", "--preset", "s"), {"smoke", "study"}),
        (("validate", "--dataset", "c"), {"cifar10", "cifar100"}),
        (("check-laws", "d"), {"depth"}),
        (("audit", "--format", "m"), {"markdown"}),
        (("re",), {"report", "reproduce"}),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_a_shell_completes_values(words: tuple[str, ...], offered: set[str]) -> None:
    assert completed(*words) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_given_its_script(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    if shell == "bash":
        monkeypatch.setattr(
            "click.shell_completion.BashComplete._check_version", lambda *_: None, raising=True
        )
    monkeypatch.setenv("_GRADBOUND_COMPLETE", f"{shell}_source")
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert f"_GRADBOUND_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_help_names_every_figure_and_every_way_to_complete(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["figures", "--help"]) == 0
    said = capsys.readouterr().out
    assert [n for n in (*FIGURES, *TABLES, *OF_A_STUDY) if n not in said] == []
    assert main([]) == 0
    bare = capsys.readouterr()
    assert bare.err == ""
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == bare.out
    assert all(f"{shell}_source" in bare.out for shell in ("bash", "zsh", "fish"))
    assert all(verb in bare.out for verb in cli.commands)
