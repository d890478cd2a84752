"""The numbers of a figure are those that were drawn."""

from matplotlib.figure import Figure

from paper_figures.drawing.figure_numbers import numbers


def test_every_point_is_there_and_what_is_not_finite_is_not() -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.set_title("panel")
    axes.plot([1, 2, float("nan")], [3, 4, 5], label="line")
    axes.scatter([7], [8], label="dots")
    head, *rows = numbers(figure).splitlines()
    assert head == "panel,series,kind,x,y"
    assert sorted(rows) == ["panel,dots,mark,7,8", "panel,line,line,1,3", "panel,line,line,2,4"]
