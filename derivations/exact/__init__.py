"""Exact reasoning about real expressions: signs, where they exist, normal forms, limits."""
