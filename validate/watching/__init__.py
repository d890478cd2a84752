"""Watches the gains of every block while the user trains, and holds a model to them in tests."""
