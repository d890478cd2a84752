"""Words stand beside their points, and cover neither points, nor lines, nor each other."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper_figures.drawing.placed_labels import Label, place


def panel() -> Axes:
    axes = Figure(figsize=(4, 3)).subplots()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    return axes


def test_words_avoid_points_lines_and_each_other() -> None:
    axes = panel()
    axes.plot([1, 5, 9], [1, 5, 9], marker="o")
    axes.plot([5, 9], [5, 1])
    axes.vlines(5, 5, 9)
    place(axes, [Label(5, 5, "here", "k"), Label(5.1, 5.1, "there", "k"), Label(9, 9, "end", "k")])
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not boxes[0].overlaps(boxes[1])
    steps = np.linspace(0, 1, 50)[:, None]
    for start, end in (((1, 1), (9, 9)), ((5, 5), (9, 1)), ((5, 5), (5, 9))):
        points = axes.transData.transform(np.array(start) + steps * np.subtract(end, start))
        for box in boxes:
            assert not ((points > box.min) & (points < box.max)).all(axis=1).any()


def test_words_stay_within_the_panel_and_near_their_point() -> None:
    axes = panel()
    place(axes, [Label(10, 10, "corner", "k"), Label(0, 0, "origin", "k")])
    inside = axes.get_window_extent()
    for text in axes.texts:
        box = text.get_window_extent()
        assert (np.array(box.min) >= inside.min).all()
        assert (np.array(box.max) <= inside.max).all()
        assert np.hypot(*text.xyann) < 20


def test_where_nothing_is_free_the_least_bad_place_is_taken() -> None:
    axes = panel()
    axes.set(xlim=(4.9, 5.1), ylim=(4.9, 5.1))
    axes.text(5, 5, "W" * 80, fontsize=300, ha="center", va="center")
    place(axes, [Label(5, 5, "x", "k")])
    assert axes.texts[-1].get_text() == "x"
