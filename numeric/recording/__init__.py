"""Records what a torch model does while it runs once: operations on numbered values."""
