"""Tests that the page is whole, loads nothing, and says what the records and the document say."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from printed import analysis, watched
from pydantic import JsonValue
from test_paper_figures.with_every_loss import with_every_loss
from test_validate.small_study import drawn_initial, drawn_study

from derivations.book.arrange import meanings
from derivations.book.derive import derive
from derivations.book.document import Document
from derivations.errors import InputError
from paper_figures import (
    FIGURES,
    TABLES,
    ModelRecords,
    report,
    write_model_report,
    write_report,
    write_study_report,
)
from paper_figures.drawing.style import COLUMN
from paper_figures.pages.in_words import named
from paper_figures.pages.limits import NONE
from paper_figures.report import Sources, compose, compose_models, compose_study, p_value, totals
from validate.audit.audit_document import Audit, ClaimRecord
from validate.comparison.initial_bands import BANDS
from validate.records.read import read_results
from validate.records.schema import BlockRow, Manifest, Results
from validate.statistics.kinds_of_check import CHECKS, FRESH_RATIOS
from validate.study.study_folder import Study
from validate.study.study_verdicts import decide_study

FEW = ("training_by_depth", "agreement", "sqrt_law")
VOID = {"source", "wbr", "meta", "img", "br", "link", "input", "hr"}
EVIL = "<script>alert('$x')</script>\"><img src=https://example.org/x>"


class Page(HTMLParser):
    """Reads a page and refuses elements that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def document() -> Document:
    return derive(["plain", "residual"])


@pytest.fixture
def few_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the figures that print names from the records, for a page that is made quickly."""
    monkeypatch.setattr(report, "FIGURES", {name: FIGURES[name] for name in FEW})


@pytest.fixture(scope="module")
def html(results: Results, document: Document, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "new folder" / "report.html"
    assert write_report(results, document, path) == path
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]
    return path.read_text()


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_page_loads_nothing(html: str, page: Page) -> None:
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form"}
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            value = attributes.get(name)
            kept = ("#", "data:text/csv;") if attributes.get("download") else ("#", "data:image/")
            assert value is None or value.startswith(kept)
        assert not any(name.startswith("on") for name in attributes)
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert "@import" not in html
    assert "url(" not in style
    assert "default-src 'none'" in html


LACKING = {"whole_network_bounds"}
"""What records of the first version cannot show."""


def test_wide_figures_have_another_image_for_a_narrow_screen(page: Page) -> None:
    sources = page.all("source")
    one_column = ("block_", "verdict_overview")
    drawn = FIGURES.keys() - LACKING
    assert len(sources) == sum(not name.startswith(one_column) for name in drawn)
    assert {source["media"] for source in sources} == {"screen and (max-width: 40rem)"}
    for source in sources:
        assert not re.search(r"\s", str(source["srcset"]))
        svg = unquote(str(source["srcset"]))
        width = re.search(r'<svg [^>]*width="([0-9.]+)pt"', svg)
        assert width is not None
        assert float(width[1]) <= 72 * COLUMN


def test_inlined_figures_load_nothing_either(page: Page) -> None:
    images = [image["src"] for image in page.all("img")]
    for image in (*images, *(source["srcset"] for source in page.all("source"))):
        svg = unquote(str(image))
        assert re.findall(r'(?:href|src)="(?!#|data:)[^"]*"', svg) == []
        assert "<script" not in svg
        assert "@import" not in svg


def test_every_figure_and_table_is_there_with_words(page: Page) -> None:
    assert {figure["id"] for figure in page.all("figure")} == FIGURES.keys()
    images = page.all("img")
    drawn = [plate for name, plate in FIGURES.items() if name not in LACKING]
    assert len(images) == len(drawn)
    assert {image["alt"] for image in images} == {plate.alt for plate in drawn}
    assert len(page.all("table")) == len(page.all("caption")) >= len(TABLES)
    for plate in FIGURES.values():
        assert plate.caption in page.text


def test_the_page_is_navigable(page: Page) -> None:
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    identifiers = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(identifiers) == len(set(identifiers))
    anchors = {link["href"][1:] for link in page.all("a") if (link["href"] or "").startswith("#")}
    assert anchors <= set(identifiers)
    shown = {each.removesuffix("-open") for each in anchors}
    assert {section["id"] for section in page.all("section")} - {"question"} <= shown
    headings = [attributes.get("data-to") for _, attributes in page.tags]
    assert {each for each in headings if each} <= anchors
    assert page.all("meta")[1]["content"] == "width=device-width, initial-scale=1"


def test_nothing_scrolls_sideways_but_long_formulas(html: str) -> None:
    assert "scroll" not in re.sub(r"<style>.*</style>", "", html, flags=re.DOTALL)
    assert html.count('<span class="long" tabindex="0"') == html.count('<span class="long"')


def test_totals_are_those_of_the_records(page: Page, document: Document) -> None:
    steps = sum(len(part.steps) for part in (*document.blocks, *document.equations))
    assert f"{steps} of {steps}" in page.text
    assert "0 of 2,688" in page.text
    assert "1,152 exact; 1,536 probable , δ = 1e-6" in page.text
    assert NONE in page.text


def test_equations_show_transcription_readings_and_claims(page: Page, document: Document) -> None:
    assert "Equation (1)" in page.text
    assert "Equation (2)" in page.text
    assert page.text.count("derived, operator reading exact, ") == 2
    claims = [claim for equation in document.equations for claim in equation.claims]
    assert page.text.count("holds ") >= len(claims) > 0
    assert not any("fails" in str(attributes.get("class")) for _, attributes in page.tags)


def test_every_formula_became_mathml(page: Page, document: Document) -> None:
    elsewhere = sum(1 for check in CHECKS if check.where)
    # The command and the digests, and where checks are counted that no record holds.
    assert len(page.all("code")) == 1 + 4 * 16 + 1 + elsewhere
    formulas = 0
    for equation in document.equations:
        formulas += 1 + len(equation.claims)  # derived, and what the paper claims
    formulas += len({equation.id for equation in document.equations})  # transcribed
    for block in document.blocks:
        formulas += 2  # gradient, remains
        formulas += len(block.steps) + 2 * len(block.bounds) + len(meanings(block.bounds))
    formulas += len({block.block for block in document.blocks})  # definition
    boxes = [each for each in page.all("div") if each.get("class") == "formula"]
    assert len(boxes) == formulas
    assert len(page.all("math")) >= formulas


@pytest.mark.usefixtures("few_figures")
def test_titles_axioms_and_theorems_are_listed(results: Results) -> None:
    document = derive()
    page = Page(compose(results, replace(document, blocks=(), equations=())))
    for theorem in document.theorems:
        assert theorem.id in {attributes.get("id") for _, attributes in page.tags}
    boxes = [each for each in page.all("div") if each.get("class") == "formula"]
    assert len(boxes) == len(document.theorems) > 0
    assert all(named(axiom.name) in page.text for axiom in document.axioms)
    assert not re.search(r"[^.]\.\.(?!\.)(?!l\b)", page.text.replace("..L", "").replace("..l", ""))
    assert "gradient_independence" not in page.text
    assert all(record.title not in page.text for record in document.blocks)


def test_provenance_is_complete(page: Page, folder: Path) -> None:
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    for name, digest in manifest.files.items():
        assert f"{name} {digest}" in page.text
    assert "torch 2.13.0" in page.text
    assert manifest.command in page.text


def test_the_page_is_small(html: str) -> None:
    assert len(html.encode()) < 8_000_000


@pytest.mark.usefixtures("few_figures")
def test_the_page_is_the_same_every_time(
    results: Results, document: Document, tmp_path: Path
) -> None:
    first, second = (
        write_report(results, document, tmp_path / name).read_bytes()
        for name in ("a.html", "b.html")
    )
    assert first == second


@pytest.mark.usefixtures("few_figures")
def test_hostile_records_stay_text(
    write: Callable[..., Path], document: Document, tmp_path: Path
) -> None:
    def poison(row: Any) -> Any:
        if isinstance(row, Manifest):
            return row.model_copy(
                update={
                    "command": EVIL,
                    "device": EVIL,
                    "preset": EVIL,
                    "dataset": EVIL,
                    "versions": {EVIL: EVIL},
                }
            )
        if isinstance(row, BlockRow):
            bounds = tuple(
                bound.model_copy(update={"id": f"{EVIL}.{bound.side}"}) for bound in row.bounds
            )
            return row.model_copy(update={"name": EVIL, "term": EVIL, "bounds": bounds})
        return row

    block, *blocks = document.blocks
    step = replace(block.steps[0], rule=EVIL, latex=rf"\text{{{EVIL}}}", condition=EVIL)
    equation, *equations = document.equations
    claim = replace(equation.claims[0], statement=EVIL)
    poisoned = replace(
        document,
        blocks=(replace(block, steps=(step, *block.steps[1:])), *blocks),
        equations=(
            replace(equation, transcribed_latex=EVIL, claims=(claim, *equation.claims[1:])),
            *equations,
        ),
    )
    results = read_results(write(tmp_path / "records", poison))
    page = Page(compose(results, poisoned))
    assert page.all("script") == []
    assert all(str(image["src"]).startswith("data:") for image in page.all("img"))
    assert page.text.count("<script>alert('$x')</script>") >= 8


@pytest.mark.usefixtures("few_figures")
def test_a_failed_step_is_said(results: Results, document: Document) -> None:
    block, *blocks = document.blocks
    check, *checks = block.steps[0].checks
    step = replace(block.steps[0], checks=(replace(check, ok=False), *checks))
    broken = replace(
        document,
        blocks=(replace(block, steps=(step, *block.steps[1:])), *blocks),
        equations=(replace(document.equations[0], ok=False), *document.equations[1:]),
    )
    page = Page(compose(results, broken))
    steps = sum(len(part.steps) for part in (*document.blocks, *document.equations))
    assert f"{steps - 1} of {steps}" in page.text
    assert "a step fails" in page.text
    assert f"{check.method}: fails" in page.text


@pytest.mark.usefixtures("few_figures")
def test_what_could_not_be_drawn_is_said(
    write: Callable[..., Path], document: Document, tmp_path: Path
) -> None:
    folder = write(
        tmp_path / "records",
        lambda row: row.model_copy(update={"family": "plain"}) if hasattr(row, "epsilon") else row,
    )
    page = Page(compose(read_results(folder), document))
    assert "Not drawn: no dense rows" in page.text
    assert len(page.all("img")) == len(FEW) - 1


@pytest.mark.usefixtures("few_figures")
def test_where_it_cannot_be_written_is_named(
    results: Results, document: Document, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InputError, match="file"):
        write_report(results, document, tmp_path / "file" / "report.html")
    assert (tmp_path / "file").read_text() == "kept"


def test_totals_count_steps_bounds_and_what_says_nothing(
    results: Results, document: Document
) -> None:
    found = totals(results, document)
    bounds = [bound for run in results.runs for row in run.blocks for bound in row.bounds]
    lower = [value for bound in bounds if bound.side == "lower" for value in bound.value]
    assert (found.steps, found.passed) == (len(document.steps), len(document.steps))
    assert found.checks_per_step == 2
    assert sum(found.checks_by_certainty.values()) == 4 * len(bounds)
    counted = found.kinds["checks of the code"][0][1]
    assert counted.silent == lower.count(0) > 0
    more = totals(with_every_loss(results), document)
    again = more.kinds["checks of the code"][0][1]
    assert sum(more.checks_by_certainty.values()) == again.checks > counted.checks


def test_the_two_kinds_of_check_stand_apart_with_their_counts(page: Page) -> None:
    code, could = page.text.index("Checks of the code"), page.text.index("Predictions that could")
    assert code < page.text.index("gains of single blocks") < could
    assert could < page.text.index("laws of gains before training, one per family")
    assert page.text.index("C25: more gradient") > could
    assert "theorems about any network 0 of 2,688 violated; 2,112 could fail, 576 are" in page.text


@pytest.mark.usefixtures("few_figures")
def test_what_was_wrong_is_said_by_the_version_of_the_records(
    results: Results, second: Results, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("survival_ranking", "agreement")
    monkeypatch.setattr(report, "FIGURES", {name: FIGURES[name] for name in names})
    old, new = (compose(each, document) for each in (results, second))
    assert old.count('<p class="warning" role="note">Wrong before training') == 1
    assert old.count('<span class="remark">Wrong before training') == 1  # not beside agreement
    assert old.count("a network that training never runs") == 1 + 1 + 3  # tables
    assert "never runs" not in new
    assert '<p class="warning"' not in new
    assert new.count("recalibrated on 512 training images") == 1 + 1 + 4  # and of tightness


def test_every_figure_that_shows_ratios_before_training_says_of_which_network(
    results: Results, second: Results
) -> None:
    shown = {name for name, plate in FIGURES.items() if plate.remark(results)}
    assert shown == {
        "bound_envelopes", "gains_over_training", "random_laws", "survival_ranking",
        "whole_network_bounds", "alignment_law",
    }  # fmt: skip
    for name in shown:
        assert "never runs" in FIGURES[name].remark(results)
        assert "recalibrated on 512" in FIGURES[name].remark(second)


@pytest.mark.usefixtures("few_figures")
def test_models_are_on_the_page_where_there_are_records_of_them(
    results: Results, document: Document
) -> None:
    models = ModelRecords({"net": analysis()}, {"training": watched()})
    text = compose(results, document, Sources(models=models))
    page = Page(text)
    assert {"models", "analysis_net", "watch_training"} <= {
        attributes.get("id") for _, attributes in page.tags
    }
    assert "The gradient dies in dying" in page.text
    assert "net_<1>" in page.text
    assert 'href="#models"' not in compose(results, document)


def test_records_of_models_alone_make_a_page(tmp_path: Path) -> None:
    models = ModelRecords({"one": analysis(EVIL), "two": analysis()}, {"training": watched(EVIL)})
    path = write_model_report(models, tmp_path / "new" / "page.html")
    text = path.read_text()
    page = Page(text)
    assert len(page.all("img")) == 3
    assert len(page.all("section")) == 2
    assert not page.all("script")
    assert all(str(image["src"]).startswith("data:image/svg+xml") for image in page.all("img"))
    assert "default-src 'none'" in text
    assert text == compose_models(models)
    assert compose_models(ModelRecords({}, {"training": watched()})).count("<img") == 1


@pytest.fixture(scope="module")
def study() -> Study:
    """A study that refutes C24 and confirms C25, with one network of three outside its band."""
    found = drawn_study(rho=-0.95, gain=0.0, gate=2.0, noise=0.1, seed=2)
    shifts = zip(BANDS, (0.0, 0.5, 2.0), strict=False)
    return replace(found, initial=tuple(drawn_initial(*pair) for pair in shifts))


def test_a_study_alone_makes_a_page_with_both_verdicts(study: Study, tmp_path: Path) -> None:
    path = write_study_report(study, tmp_path / "new" / "page.html")
    text = path.read_text()
    page, decision = Page(text), decide_study(study)
    for verdict in (decision.c24, decision.c25):
        assert verdict.effect in page.text
        assert verdict.reason in page.text
        assert p_value(verdict.p or 0) in page.text
        assert p_value(verdict.adjusted or 0) in page.text
    assert re.findall(r'class="badge (\w+)">(\w+)<', text) == [
        ("holds", "confirmed"), ("fails", "refuted"),
    ]  # fmt: skip
    assert "interventions on networks, not the four families of the paper" in page.text
    assert len(page.all("table")) == 3
    assert len(page.all("img")) == 1
    assert len(page.all("source")) == 1
    assert (
        f"took 2 min {len(study.rows) - 120} s of process time, on cpu ({len(study.rows)} trials)"
        in page.text
    )
    assert " ".join(study.protocol.text.split()) in page.text
    assert "another by now" not in page.text
    assert "default-src 'none'" in text
    assert "models" not in {attributes.get("id") for _, attributes in page.tags}


def test_a_study_that_has_begun_makes_a_page_that_says_so(study: Study) -> None:
    rows, missing = study.rows[:30], tuple(row.trial for row in study.rows[30:])
    models = ModelRecords({"net": analysis()}, {})
    text = compose_study(replace(study, rows=rows, missing=missing, initial=()), models)
    assert re.findall(r'class="badge (\w+)">(\w+)<', text) == [("open", "undecided")] * 2
    page = Page(text)
    assert "30 of 96 trials are there" in page.text
    assert "66 of 96 trials are not there yet" in page.text
    assert "no ratios of fresh networks" in page.text
    assert "The gradient dies in dying" in page.text


def test_a_protocol_that_was_changed_since_is_said_with_its_lines(study: Study) -> None:
    text = study.protocol.text.replace("level = 0.05 #", f"level = 0.05 # {EVIL} #")
    old = study.protocol.model_copy(update={"text": text})
    page = Page(compose_study(replace(study, protocol=old)))
    assert "The protocol that comes with gradbound is another by now." in page.text
    assert f"-level = 0.05 # {EVIL} #" in page.text
    assert "+level = 0.05 # of the two primary" in page.text
    assert page.all("script") == []


@pytest.mark.usefixtures("few_figures")
def test_a_study_is_on_the_page_of_records_and_counted_there(
    results: Results, document: Document, study: Study
) -> None:
    without, page = (
        Page(compose(results, document, Sources(study=each))) for each in (None, study)
    )
    assert "study" not in {section["id"] for section in without.all("section")}
    ids = [section["id"] for section in page.all("section")]
    assert ids.index("study") < ids.index("figures")
    assert {"href": "#study-open"} in page.all("a")
    elsewhere = "counted elsewhere"
    assert without.text.index(FRESH_RATIOS) > without.text.rindex(elsewhere)
    assert page.text.index(FRESH_RATIOS) < page.text.rindex(elsewhere)
    assert re.search(f"{FRESH_RATIOS} .{{0,90}} 1 of 3 outside", page.text)
    assert "help residual ones a claim of the paper about training refuted" in page.text
    assert "goes with less error a claim of the paper about training confirmed" in page.text
    assert "gradbound audit" not in page.text
    assert "gradbound audit" in without.text
    assert len(page.all("table")) == len(without.all("table")) + 3


@pytest.fixture(scope="module")
def judged() -> Audit:
    """An audit of two claims: one refuted by a counterexample, one that is confirmed."""
    given: dict[str, JsonValue] = {"∂F/∂x": "−1"}
    world: dict[str, JsonValue] = {
        "given": given, "found": "∂L/∂x = 0", "claims": EVIL, "autograd": {"dL/dx_0": 0.0},
    }  # fmt: skip
    return Audit(
        "gradbound.audit/2",
        (
            ClaimRecord("C3", "Eq. (2)", "the gradient", "scalar", "confirmed", "",
                        {"summary": "proved"}, None),
            ClaimRecord("C5", "section 1", "no gradient vanishes", "operator", "refuted", "",
                        {"summary": "one does"}, world),
        ),
    )  # fmt: skip


@pytest.mark.usefixtures("few_figures")
def test_verdicts_come_first_and_lead_to_evidence_and_derivation(
    results: Results, document: Document, judged: Audit
) -> None:
    text = compose(results, document, Sources(audit=judged))
    page = Page(text)
    sections = [section["id"] for section in page.all("section")]
    assert sections[:5] == ["question", "verdicts", "three-figures", "instead", "validation"]
    links, there = (
        {attributes.get(kind) for _, attributes in page.tags} for kind in ("href", "id")
    )
    assert {"#C3", "#C5", "#eq2", "#residual"} <= links
    assert {"C3", "C5", "eq2", "residual"} <= there
    assert "Of 2 claims 1 is confirmed , 1 is refuted ( C5 )." in page.text
    assert "∂L/∂x = 0 (claimed: " in page.text
    assert page.text.index("∂L/∂x = 0 (claimed: ") < page.text.index("Three figures", 200)
    assert "They can: the branch may cancel the skip" in re.sub("<.*?>", "", text)
    assert page.all("script") == []


@pytest.mark.usefixtures("few_figures")
def test_a_claim_that_stands_is_not_replaced(
    results: Results, document: Document, judged: Audit
) -> None:
    standing = replace(judged, claims=(replace(judged["C5"], verdict="confirmed"),))
    page = Page(compose(results, document, Sources(audit=standing)))
    assert "instead" not in {section["id"] for section in page.all("section")}


@pytest.mark.usefixtures("few_figures")
def test_fresh_runs_stand_beside_the_recorded_ones(
    results: Results, second: Results, document: Document
) -> None:
    page = Page(compose(second, document, Sources(fresh=results)))
    identifiers = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(identifiers) == len(set(identifiers))
    assert {"figures", "fresh-figures", "tables", "fresh-tables"} <= set(identifiers)
    recorded, fresh = (
        totals(each, document).kinds["checks of the code"][0][1] for each in (second, results)
    )
    for each in (recorded, fresh):
        assert each is not None
        assert f"0 of {each.checks:,} violated" in page.text
    assert "How the recorded runs were made" in page.text
    assert "How the fresh runs were made" in page.text


def test_the_three_figures_are_shown_once(page: Page, html: str) -> None:
    head = html.partition('<section id="three-figures"')[2].partition("</section>")[0]
    assert re.findall(r'<figure id="(\w+)"', head) == [
        "bound_envelopes",
        "sqrt_law",
        "survival_ranking",
    ]
    assert len(page.all("figure")) == len(FIGURES)
    assert head.count("download=") == 3
