"""Simulated trials on the terminal, as figures, and as a page."""
