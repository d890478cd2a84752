"""Reads data sets from files that are there; nothing is downloaded and no pickle is opened."""
