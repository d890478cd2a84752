"""Holds the verbs of the command line, by family."""
