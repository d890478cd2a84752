"""Runs the code on the pages of docs/, and checks what they and README's table of costs promise."""

import csv
import json
import re
import subprocess
import sys

import pytest
from root import ROOT

PAGE = ROOT / "docs" / "new_blocks.md"
RECORDED = ROOT / "benchmarks" / "recorded.jsonl"
IDLE = 0.5
"""The load before a benchmark, the most that counts as an idle machine."""
FENCE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=120,
    )


def test_a_wrong_term_on_the_page_is_noticed():
    wrong = FENCE.findall(PAGE.read_text())[0].replace(
        'Layer("F")), Identity()', 'Layer("F")), Complement()'
    )
    assert "AssertionError" in run(wrong).stderr


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


def table(text: str) -> str:
    """The column of costs in README's table, without the column of aims."""
    section = text.partition("## What it costs")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| ")]
    return "\n".join(row[2] for row in rows[1:])


def figures(costs: str) -> list[str]:
    """What is measured: ×1.14, 6 s, 11 × faster, 1.1. What is counted (threads, N) has no unit."""
    plain = re.sub(r"on one thread|two runs|at 200", "", costs)
    return re.findall(r"\d+(?:\.\d+)?", plain)


def numbers(value: object) -> list[float]:
    match value:
        case bool() | str() | None:
            return []
        case int() | float():
            return [float(value)]
        case dict():
            return [each for inner in value.values() for each in numbers(inner)]
        case list():
            return [each for inner in value for each in numbers(inner)]
    raise TypeError(type(value))


def is_recorded(figure: str, found: list[float]) -> bool:
    """Whether a recorded number is the figure when rounded as it is: also of milliseconds to
    seconds, of a ratio turned round, and of what is above 1 in per cent.
    """
    digits = len(figure.partition(".")[2])
    step = 10 ** max(0, len(figure) - 2) if digits == 0 and len(figure) > 2 else 10**-digits
    shown = float(figure)
    return any(
        abs(each - shown) <= step / 2 * (1 + 1e-9)
        for n in found
        for each in (n, n / 1e3, *((1 / n,) if n else ()), (n - 1) * 100)
    )


def test_a_figure_is_found_by_its_rounding():
    assert is_recorded("1.14", [1.1449])
    assert not is_recorded("1.14", [1.1451])
    assert is_recorded("520", [523.0])
    assert not is_recorded("520", [526.0])
    assert is_recorded("0.6", [612.0])
    assert not is_recorded("0.6", [700.0])


def test_only_the_column_of_costs_is_read():
    text = "## What it costs\n\n| what | cost | aimed |\n|---|---|---|\n| a 7 | ×1.5 | 9 |\n\n## x"
    assert figures(table(text)) == ["1.5"]


def test_every_figure_of_the_table_was_recorded():
    if not RECORDED.exists():
        pytest.skip("no run of an idle machine is committed: make bench, then commit its file")
    lines = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    # Each benchmark leaves a load behind, of as many threads as it ran in: only the first tells.
    assert lines[0]["load_before"] <= IDLE, "recorded on a busy machine"
    found = numbers([{k: v for k, v in line.items() if k != "versions"} for line in lines])
    costs = figures(table((ROOT / "README.md").read_text(encoding="utf-8")))
    assert costs
    assert [each for each in costs if not is_recorded(each, found)] == []
