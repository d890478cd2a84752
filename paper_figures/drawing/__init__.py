"""Knows how figures look and are painted, and nothing of what they show."""

from paper_figures.drawing.without_backend import import_matplotlib

import_matplotlib()  # before any module of this room does
