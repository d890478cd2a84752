"""The page of the recorded runs is what it should be in a real browser.

It asks for nothing and says nothing, nothing scrolls sideways but long formulas, links lead
somewhere, folded parts open when linked to and when printed. With axe-core's `axe.min.js` in $AXE,
it has no fault of accessibility either.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_paper_figures.browser import CHROMIUM, WIDTHS, Browser

from derivations.book.derive import derive
from paper_figures import write_report
from validate.audit.adjudicate import audit, sources
from validate.records.read import read_results
from validate.records.recorded import RECORDED
from validate.study.recorded_study import RECORDED_STUDY
from validate.study.study_folder import read_study

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
]
AXE = os.environ.get("AXE", "")
SCREENS, HEIGHT = 6, 800
OPEN = "document.querySelectorAll('details').forEach(each => each.open = true)"
SIDEWAYS = """[...document.querySelectorAll('*')].filter(each =>
  each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0
  && ['auto', 'scroll'].includes(getComputedStyle(each).overflowX)
  && !(each.className == 'long' && each.scrollWidth > WIDEST))
  .map(each => each.outerHTML.slice(0, 99))"""
BROKEN = """[...document.querySelectorAll('a[href^="#"]')]
  .filter(each => !document.getElementById(decodeURIComponent(each.hash.slice(1))))
  .map(each => each.hash)"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    judged, study = audit(sources(RECORDED)), read_study(RECORDED_STUDY)
    return write_report(read_results(RECORDED), derive(), path, study=study, audit=judged)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_scrolls_sideways_and_nothing_is_asked_for(
    browser: Browser, page: Path, width: int
) -> None:
    browser.show(width, HEIGHT)
    browser.open(page)
    browser.run(OPEN)
    inside = browser.run("document.querySelector('.formula').clientWidth")
    assert browser.run(SIDEWAYS.replace("WIDEST", str(min(inside, 300)))) == []
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run(BROKEN) == []
    assert browser.said == []
    assert all(each.startswith(("file:", "data:")) for each in browser.asked)
    assert len([each for each in browser.asked if each.startswith("file:")]) <= len(WIDTHS) + 3


def test_what_matters_comes_before_the_details(browser: Browser, page: Path) -> None:
    browser.show(1280, HEIGHT)
    browser.open(page)
    top = browser.run("document.getElementById('glossary').getBoundingClientRect().top")
    assert top <= SCREENS * HEIGHT
    assert browser.run("document.querySelector('nav').getBoundingClientRect().left") == 0


def test_folded_parts_open_when_linked_to_and_contents_stay(browser: Browser, page: Path) -> None:
    browser.show(1280, HEIGHT)
    for place in ("C5", "eq4", "residual", "word-gain", "study-C25"):
        browser.open(page, fragment=f"#{place}")
        seen = f"document.getElementById('{place}').getBoundingClientRect()"
        assert browser.run(f"{seen}.height") > 0, place
        assert -1 < browser.run(f"{seen}.top") < HEIGHT, place
        nav = "document.querySelector('nav a').getBoundingClientRect()"
        assert 0 <= browser.run(f"{nav}.top") < HEIGHT, place
        assert browser.run(f"{nav}.height") > 0, place


def test_printed_all_is_open(browser: Browser, page: Path) -> None:
    browser.show(1280, HEIGHT)
    browser.open(page)
    browser.call("Emulation.setEmulatedMedia", media="print")
    shown = "document.getElementById('C25').getBoundingClientRect().height"
    assert browser.run(shown) > 0
    browser.call("Emulation.setEmulatedMedia", media="screen")
    assert browser.pdf().startswith(b"%PDF")


@pytest.mark.skipif(not AXE, reason="set AXE to axe-core's axe.min.js (npm pack axe-core)")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_there_is_no_fault_of_accessibility(
    browser: Browser, page: Path, width: int, dark: bool
) -> None:
    browser.show(width, HEIGHT, dark=dark)
    browser.open(page)
    browser.run(OPEN)
    browser.run(Path(AXE).read_text() + ";0")
    faults = "axe.run(document).then(found => found.violations.map(each => each.id))"
    assert browser.run(faults) == []
