"""Thresholds: a picture, tables and the page."""
