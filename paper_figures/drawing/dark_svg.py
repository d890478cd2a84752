"""Gives an SVG image a dark scheme, and makes it small: no filter over it, and no second image.

Every colour becomes a variable of the image's own style sheet, which turns lightness over where its
reader prefers dark; hue and strength of colour stay. Coordinates keep two decimals.
"""

import re

DARKEST, LIGHTEST = 0.25, 0.93
"""Lightness (OKLab) that white becomes, and black."""
TINTS = 1.6
"""Above 1 pale tints, such as those of bands, stand out more from what white becomes."""
CARD = "1d2024"
"""What white itself becomes: the dark page's colour behind a figure."""
_COLOUR = re.compile(r"(?<=[:,\s])#([0-9a-f]{6})(?=[;\"\s])")
_DECIMALS = re.compile(r"(\.\d\d)\d+")
_PLACES = re.compile(r'\b(?:d|x|y|width|height|points)="[^"]*"')

_PATH = re.compile(r'\bd="([^"]*)"')


def themed(svg: str) -> str:
    """The image with both schemes."""
    svg = _PLACES.sub(lambda found: _DECIMALS.sub(r"\1", found[0]), _small(svg))
    svg = _PATH.sub(lambda found: f'd="{_squeezed(found[1])}"', svg)
    names = {each: f"--c{place}" for place, each in enumerate(sorted(set(_COLOUR.findall(svg))))}
    svg = _COLOUR.sub(lambda found: f"var({names[found[1]]})", svg)
    light = "".join(f"{name}:#{each};" for each, name in names.items())
    dark = "".join(f"{name}:{turned(each)};" for each, name in names.items())
    sheet = (
        f"<style>svg{{{light}}}@media (prefers-color-scheme:dark)"
        f"{{svg{{{dark}fill:{turned('000000')}}}}}</style>"
    )
    head = re.search(r"<svg\b[^>]*>", svg)
    assert head is not None
    return svg[: head.end()] + sheet + svg[head.end() :]


def _small(svg: str) -> str:
    """Without what no reader sees: its head, comments, names of groups, spaces in styles."""
    svg = re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", "", svg,
                 flags=re.DOTALL)  # fmt: skip
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r'style="[^"]*"', lambda found: re.sub(r"([:;])\s+", r"\1", found[0]), svg)
    return re.sub(r">\s+<", "><", svg)


def _squeezed(path: str) -> str:
    return re.sub(r"\s+", ",", re.sub(r"\s*([A-Za-z])\s*", r"\1", path.strip()))


def turned(colour: str) -> str:
    """The colour (six hexadecimal digits) with its lightness turned over, as #rrggbb."""
    if colour == "ffffff":
        return f"#{CARD}"
    lightness, a, b = _oklab(*(int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)))
    target = LIGHTEST - (LIGHTEST - DARKEST) * lightness**TINTS
    strength = 1.0
    while not all(
        -1e-3 <= part <= 1 + 1e-3 for part in _linear(target, strength * a, strength * b)
    ):
        strength -= 0.05
        if strength <= 0:
            strength = 0.0
            break
    shown = (_curve(part) for part in _linear(target, strength * a, strength * b))
    return "#" + "".join(f"{round(255 * min(max(part, 0.0), 1.0)):02x}" for part in shown)


def _oklab(*parts: float) -> tuple[float, float, float]:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def _linear(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def _curve(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055
