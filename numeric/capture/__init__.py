"""Captures what any torch model does as a graph of operations, and reads its blocks off it."""
