"""Turns the text that names a model into the model and its inputs, whoever made it."""
