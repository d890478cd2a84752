"""Reads data sets from files that are already there; nothing is downloaded and no pickle is opened."""
