"""Runs the code on the pages of docs/, and checks what they and README's table of costs promise."""

import csv
import json
import re
import subprocess
import sys

import page_code
import pytest
from root import ROOT

from benchmarks import costs

PAGE = ROOT / "docs" / "new_blocks.md"
IDLE = 0.5
"""The load before a benchmark, the most that counts as an idle machine."""


def test_a_wrong_term_on_the_page_is_noticed():
    (_, first), *_ = page_code.FENCE.findall(PAGE.read_text())
    wrong = first.replace('Layer("F")), Identity()', 'Layer("F")), Complement()')
    assert "AssertionError" in page_code.run(wrong, ROOT).stderr


def test_links_lead_somewhere_and_the_readme_leads_here():
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", PAGE.read_text())
    assert len(links) >= 10
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
    assert "docs/new_blocks.md" in (ROOT / "README.md").read_text()


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    """With every link and every reference; needs the extra `docs`."""
    pytest.importorskip("sphinx", reason="the extra `docs` is not installed")
    arguments = ["-W", "--keep-going", "-q", "-b", "html", "docs", str(tmp_path / "site")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    for page in ("index", "tutorial", "gallery", "explanation/audit", "reference/numeric"):
        assert (tmp_path / "site" / f"{page}.html").exists()


OPERATIONS = {
    "output_dim",
    "jacobian_rule",
    "pullback_rule",
    "bound_rule",
    "formula",
    "layout",
    "carry",
    "_value",
    "parts_of",
    "written",
}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_on_terms_is_listed_where_it_is(name):
    (row,) = [
        line
        for line in PAGE.read_text().splitlines()
        if line.startswith("| ") and f"`{name}`" in line
    ]
    (file,) = re.findall(r"\]\(\.\./([^)]+)\)", row)
    assert re.search(rf"@singledispatch\ndef {name}\(term", (ROOT / file).read_text())


def test_no_operation_on_terms_is_missing():
    found = set()
    for folder in ("derivations", "numeric", "paper_figures", "validate"):
        for path in (ROOT / folder).rglob("*.py"):
            found |= set(re.findall(r"@singledispatch\ndef (\w+)\(term: Term", path.read_text()))
    assert found == OPERATIONS


ZOO = {
    "torchvision:resnet50": {"residual": 16},
    "timm:seresnet18": {"gated_residual": 8},
    "torchvision:regnet_y_400mf": {"gated_residual": 16},
    "torchvision:efficientnet_b0": {"gated_residual": 9, "gate": 7},
    "torchvision:densenet121": {"dense": 58},
    "torchvision:vit_b_32": {"residual": 24},
    "torchvision:swin_t": {"residual": 24, "concat": 3},
    "torchvision:convnext_tiny": {"residual": 18},
    "torchvision:inception_v3": {"concat": 11},
    "torchvision:maxvit_t": {"gated_residual": 11, "residual": 44},
}


def test_the_table_of_models_says_what_the_readme_says_of_it():
    """And the numbers of blocks are those that their papers count."""
    with (ROOT / "docs" / "zoo.csv").open(newline="") as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert len(rows) == 180
    assert sum(name.startswith("torchvision:") for name in rows) == 80
    assert all(float(row["relative_error"]) <= 3e-15 for row in rows.values())
    assert not any(row["refused"] for row in rows.values())
    for name, expected in ZOO.items():
        pairs = (each.split() for each in rows[name]["kinds"].split(", "))
        kinds = {kind: int(number) for number, kind in pairs}
        assert {kind: kinds[kind] for kind in expected} == expected, name


def test_the_table_of_costs_is_that_of_the_recorded_run():
    of = costs.read()
    assert costs.table(of) in (ROOT / "README.md").read_text()


def test_costs_were_recorded_on_an_idle_machine():
    """Each benchmark leaves a load behind, of as many threads as it ran in: the first tells."""
    first, *_ = costs.RECORD.read_text().splitlines()
    assert json.loads(first)["load_before"] <= IDLE


def test_another_cost_is_another_table():
    of = costs.read()
    changed = of | {"gains": of["gains"] | {"ratio": of["gains"]["ratio"] + 1}}
    text = (ROOT / "README.md").read_text()
    assert costs.written(text, costs.table(changed)) != text
    assert costs.written(text, costs.table(of)) == text
