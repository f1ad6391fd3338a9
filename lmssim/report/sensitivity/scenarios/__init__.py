"""Scenario analyses: a picture, tables and the page."""
