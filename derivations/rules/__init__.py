"""Derives Jacobians, pullbacks and bounds of any term, one rule per node."""
