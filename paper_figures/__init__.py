"""Draws every figure and table, and the report, from the records of a validation.

Reads records and the derivation document, nothing else; the same records give the same bytes.
"""

from paper_figures.figures.registry import FIGURES, Plate
from paper_figures.figures.select import MissingRecordsError
from paper_figures.gallery import Drawn, draw
from paper_figures.report import write_report
from paper_figures.tables import TABLES

__all__ = ["FIGURES", "TABLES", "Drawn", "MissingRecordsError", "Plate", "draw", "write_report"]
