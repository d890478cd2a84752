"""Holds predictions against measurements: of networks, depth laws, published statements."""
