"""Gathers what was derived and checked in one document, and sets it in four formats."""
