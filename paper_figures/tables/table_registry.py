"""Lists every table by name."""

from collections.abc import Callable, Mapping

from paper_figures.tables import measured_tables, statistical_tables, tightness_table
from paper_figures.tables.table import Table
from validate.records.schema import Results

TABLES: Mapping[str, Callable[[Results], Table]] = {
    "table_networks": measured_tables.networks,
    "table_bounds": measured_tables.bounds,
    "table_tightness": tightness_table.tightness,
    "table_limits": measured_tables.limits,
    "table_ranking": statistical_tables.ranks,
    "table_trend": statistical_tables.trend,
    "table_laws": statistical_tables.laws,
    "table_random_laws": statistical_tables.random_laws,
}
