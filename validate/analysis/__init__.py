"""Analyzes the user's own model: where its gradient goes, once or while it trains."""
