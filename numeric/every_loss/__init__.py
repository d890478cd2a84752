"""Bounds that hold whatever the loss: only K directions of signals can leave K logits."""
