"""Draws figures, tables and the report from the records of a validation, and pages of models.

Reads records and the derivation document, nothing else; the same records give the same bytes.
"""

from paper_figures.drawing.style import render as render_figure
from paper_figures.figures.block_diagrams import Diagram, block_diagram
from paper_figures.figures.block_diagrams import draw as draw_diagrams
from paper_figures.figures.figure_registry import FIGURES, Plate
from paper_figures.figures.model_plates import ModelPlate, model_plates
from paper_figures.figures.model_records import ModelRecords, read_model_records
from paper_figures.figures.select import MissingRecordsError
from paper_figures.gallery import PLATES, Drawn, draw, draw_each, draw_models, draw_study
from paper_figures.model_page import PrintedAnalysis, PrintedComparison, page, pdf
from paper_figures.report import write_model_report, write_report, write_study_report
from paper_figures.study.study_plates import STUDY_PLATES
from paper_figures.tables.table_registry import TABLES

__all__ = [
    "FIGURES",
    "PLATES",
    "STUDY_PLATES",
    "TABLES",
    "Diagram",
    "Drawn",
    "MissingRecordsError",
    "ModelPlate",
    "ModelRecords",
    "Plate",
    "PrintedAnalysis",
    "PrintedComparison",
    "block_diagram",
    "draw",
    "draw_diagrams",
    "draw_each",
    "draw_models",
    "draw_study",
    "model_plates",
    "page",
    "pdf",
    "read_model_records",
    "render_figure",
    "write_model_report",
    "write_report",
    "write_study_report",
]
