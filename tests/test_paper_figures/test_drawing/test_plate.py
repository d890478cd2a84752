"""A plate names its number, its source and its data, and its files after the preset."""

from dataclasses import replace

from matplotlib.figure import Figure

from paper_figures.drawing.plate import Plate, data_set, stem
from validate.records.schema import Results

PLATE = Plate(lambda _: Figure(), "Gains", "What is drawn.", "words", number=9, source="own runs")


def test_a_caption_is_number_title_words_source_and_data(results: Results) -> None:
    assert PLATE.full_caption(results) == (
        "Figure 9. Gains. What is drawn. Drawn from: own runs. Data: digits, 1,437 training and "
        "360 test images of 8 × 8 (smoke preset, 2 seeds)."
    )
    paper = replace(PLATE, title="Figure 9", of_runs=False)
    assert paper.full_caption(results) == "Figure 9. What is drawn. Drawn from: own runs."


def test_what_is_drawn_from_no_run_has_no_preset_in_its_name(results: Results) -> None:
    assert PLATE.file_stem("gains", results) == "gains-smoke"
    assert replace(PLATE, of_runs=False).file_stem("gains", results) == "gains"
    odd = results.manifest.model_copy(update={"preset": "a/../b"})
    assert stem("gains", replace(results, manifest=odd)) == "gains-a_b"


def test_a_plate_without_a_number_goes_by_its_title() -> None:
    assert replace(PLATE, number=0).label == "Gains"


def test_data_sets_have_one_name_each(results: Results) -> None:
    run = results.runs[0]
    config = run.config.model_copy(update={"dataset": "fashion-mnist"})
    one = replace(results, runs=(replace(run, config=config),))
    assert data_set(one).startswith("Data: Fashion-MNIST, 1,437 training")
    assert data_set(one).endswith("(smoke preset, 1 seed)")
