"""Holds predictions against measurements, for networks, for depth laws and for published
statements."""
