"""Looks inside a block: which of its ReLUs and gates let nothing through, and in which words."""
