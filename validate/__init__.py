"""Validates predictions against autograd on trained networks.

Import from the modules: nothing is loaded here.
"""
