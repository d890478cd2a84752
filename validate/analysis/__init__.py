"""Analyzes the user's own model: where its gradient goes, and what is guaranteed of it."""
