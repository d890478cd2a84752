"""Knows how figures look and are painted, and nothing of what they show."""
