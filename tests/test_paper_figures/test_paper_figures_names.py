"""What paper_figures offers is named in one place, and no other package reaches round it."""

import re

from root import ROOT

import paper_figures


def test_every_public_name_exists_once() -> None:
    names = paper_figures.__all__
    assert len(names) == len(set(names))
    assert all(getattr(paper_figures, name) is not None for name in names)


def test_no_other_package_reaches_round_them() -> None:
    users = [
        path
        for folder in ("gradbound", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if "paper_figures" in path.read_text()
    ]
    assert ROOT / "gradbound" / "verbs" / "drawing_commands.py" in users
    for path in users:
        reached = re.findall(r"(?:from|import) paper_figures\.[\w.]+", path.read_text())
        assert reached == [], path
