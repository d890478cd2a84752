"""Lists every table by name, and what each is called: the paper's own numbers first, then on."""

from collections.abc import Callable, Mapping

from paper_figures.tables import (
    measured_tables,
    printed_tables,
    statistical_tables,
    tightness_table,
)
from paper_figures.tables.table import Table
from validate.records.schema import Results

TABLES: Mapping[str, Callable[[Results], Table]] = {
    "table_paper_1": printed_tables.plain_and_residual,
    "table_paper_2": printed_tables.gated_and_residual,
    "table_paper_a1": printed_tables.architectures,
    "table_figure_7": printed_tables.published_sizes,
    "table_networks": measured_tables.networks,
    "table_bounds": measured_tables.bounds,
    "table_tightness": tightness_table.tightness,
    "table_limits": measured_tables.limits,
    "table_ranking": statistical_tables.ranks,
    "table_trend": statistical_tables.trend,
    "table_laws": statistical_tables.laws,
    "table_random_laws": statistical_tables.random_laws,
}
PRINTED = ("table_paper_2", "table_paper_a1", "table_figure_7")
"""Those that are drawn from no run."""

_OF_PAPER = {"table_paper_1": "Table 1", "table_paper_2": "Table 2", "table_paper_a1": "Table A1"}
TABLE_LABELS: Mapping[str, str] = _OF_PAPER | {
    name: f"Table {number}"
    for number, name in enumerate((name for name in TABLES if name not in _OF_PAPER), start=3)
}
"""What a text calls each table; in LaTeX they number themselves."""
