"""Numbered scenario analyses, all against the base case in one table."""
