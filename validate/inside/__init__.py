"""Looks inside a block: what in it takes a signal away or makes it large, and in which words."""
