"""Trains the networks of a preset, run by run, and leaves a verified results folder."""
