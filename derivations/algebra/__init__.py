"""Holds the words of all other rooms: terms, symbols and quantities, steps, and their printing."""
