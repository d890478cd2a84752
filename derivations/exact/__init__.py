"""Exact reasoning about real expressions: domains, signs, where they exist, normal forms, limits."""
