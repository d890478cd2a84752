"""Gathers what was derived and checked into one document, and sets it as text, LaTeX, Markdown and
JSON."""
