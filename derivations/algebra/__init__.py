"""Holds the words that everything else speaks: terms of blocks, symbols and quantities, steps, and
how they are printed."""
