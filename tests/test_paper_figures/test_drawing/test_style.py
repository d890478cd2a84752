"""Figures come out the same every time, whole or not at all, and families are told apart."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import matplotlib
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from root import ROOT

from derivations.errors import InputError
from paper_figures import FIGURES
from paper_figures.drawing.style import LOOKS, look, render, save, shade, styled
from validate.records.schema import Results

DRAW = """
import sys
from hashlib import sha256
from pathlib import Path
from paper_figures import FIGURES
from paper_figures.drawing.style import render
from validate.records.read import read_results
results = read_results(Path(sys.argv[1]))
for name in sys.argv[2:]:
    figure = FIGURES[name]
    kinds = ("pdf", "png", "svg")
    print(name, *(sha256(render(figure(results), kind)).hexdigest() for kind in kinds))
"""
SAMPLED = ("bound_envelopes",)


def test_another_process_with_another_hash_seed_draws_the_same_bytes(
    folder: Path, results: Results
) -> None:
    command = [sys.executable, "-c", DRAW, str(folder), *SAMPLED]
    environment = os.environ | {"PYTHONHASHSEED": "1234"}
    there = subprocess.run(
        command,
        capture_output=True,
        check=True,
        text=True,
        cwd=ROOT,
        env=environment,
    ).stdout
    here = ""
    for name in SAMPLED:
        digests = [
            sha256(render(FIGURES[name](results), kind)).hexdigest()
            for kind in ("pdf", "png", "svg")
        ]
        here += " ".join([name, *digests]) + "\n"
    assert there == here


def test_saving_again_changes_nothing_and_leaves_nothing_behind(
    results: Results, tmp_path: Path
) -> None:
    first = {
        path.name: path.read_bytes()
        for path in save(FIGURES["block_dense"](results), tmp_path / "a", "law")
    }
    second = {
        path.name: path.read_bytes()
        for path in save(FIGURES["block_dense"](results), tmp_path / "a", "law")
    }
    assert first == second
    assert (
        {path.name for path in (tmp_path / "a").iterdir()}
        == {"law.pdf", "law.png", "law.csv"}
        == first.keys()
    )


def test_pdf_holds_text_as_text_and_no_date(results: Results) -> None:
    data = render(FIGURES["block_residual"](results), "pdf")
    assert b"/FontFile2" in data
    assert b"/Type3" not in data
    assert b"Date" not in data


def test_svg_text_is_text_unless_outlined(results: Results) -> None:
    figure = FIGURES["block_residual"](results)
    assert b"<text" in render(figure, "svg")
    outlined = render(figure, "svg", outlined=True)
    assert b"<text" not in outlined
    assert b"<dc:date>" not in outlined


def test_png_is_300_dpi(results: Results, tmp_path: Path) -> None:
    figure = FIGURES["block_plain"](results)
    _, png, _ = save(figure, tmp_path, "plain")
    height, width = matplotlib.image.imread(png).shape[:2]
    assert (width, height) == pytest.approx(
        [300 * size for size in figure.get_size_inches()], abs=1
    )


def test_global_settings_are_left_alone(results: Results) -> None:
    before = dict(matplotlib.rcParams)
    render(FIGURES["sqrt_law"](results), "svg", outlined=True)
    assert dict(matplotlib.rcParams) == before

    @styled
    def fail() -> None:
        raise RuntimeError("halfway")

    with pytest.raises(RuntimeError):
        fail()
    assert dict(matplotlib.rcParams) == before


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        save(Figure(), tmp_path / "file", "x")


def test_families_differ_in_colour_marker_and_dashes() -> None:
    for attribute in ("color", "marker", "linestyle", "title"):
        assert len({str(getattr(each, attribute)) for each in LOOKS.values()}) == len(LOOKS)
    with pytest.raises(InputError, match="highway"):
        look("highway")


def test_shades_darken_steadily() -> None:
    tones = [sum(shade("#0072B2", fraction)) for fraction in (0, 0.5, 1, 1.5, 2)]
    assert tones == sorted(tones, reverse=True)
    assert shade("#0072B2", 1) == pytest.approx(to_rgb("#0072B2"))


def test_unknown_format_is_refused() -> None:
    with pytest.raises(InputError, match="gif"):
        render(Figure(), "gif")
