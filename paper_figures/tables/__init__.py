"""Summarizes the records in tables: each is data, and is written as Markdown, LaTeX or HTML."""
