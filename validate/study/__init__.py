"""Decides the claims about training by a study whose protocol is fixed before its first trial."""
