"""An image has two schemes: lightness is turned over, hues stay, nothing else changes."""

import re

import pytest

from paper_figures.drawing.dark_svg import themed, turned

SVG = """<?xml version="1.0"?>
<!DOCTYPE svg>
<svg width="10pt" xmlns="http://www.w3.org/2000/svg">
 <metadata>made</metadata>
 <g id="axes_1"><!-- words -->
  <path id="kept" d="M 1.23456 2
L 3.5 4.98765
z" style="fill: #ffffff; stroke: #0072b2"/>
 </g>
</svg>"""


def lightness(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_black_and_white_change_places() -> None:
    assert turned("ffffff") == "#1d2024"
    assert turned("000000") == "#e8e8e8"


@pytest.mark.parametrize(("colour", "most"), [("0072b2", 2), ("d55e00", 0), ("009e73", 1)])
def test_a_hue_stays(colour: str, most: int) -> None:
    parts = [int(turned(colour)[at : at + 2], 16) for at in (1, 3, 5)]
    assert parts.index(max(parts)) == most


def test_order_of_lightness_is_turned_over() -> None:
    greys = [f"{level:02x}" * 3 for level in range(0, 256, 15)]
    shown = [lightness(turned(grey)) for grey in greys]
    assert shown == sorted(shown, reverse=True)


def test_colours_are_variables_of_both_schemes() -> None:
    image = themed(SVG)
    assert re.findall(r"(fill|stroke):var\((--c\d)\)", image) == [
        ("fill", "--c1"),
        ("stroke", "--c0"),
    ]
    light, _, dark = image.partition("@media (prefers-color-scheme:dark)")
    assert "--c1:#ffffff;" in light
    assert f"--c1:{turned('ffffff')};" in dark
    assert f"fill:{turned('000000')}" in dark


def test_the_image_is_small_and_the_same() -> None:
    image = themed(SVG)
    assert 'd="M1.23,2L3.5,4.98z"' in image
    assert 'id="kept"' in image
    for gone in ("<?xml", "DOCTYPE", "metadata", "<!--", "axes_1"):
        assert gone not in image
