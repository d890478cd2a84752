"""Defines, stores, reads and rechecks the records of a validation."""
