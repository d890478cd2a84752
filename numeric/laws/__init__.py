"""Evaluates the laws for random weights on real tensors, and inverts their distributions with error
bounds."""
