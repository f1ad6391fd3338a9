"""Tornado diagrams: pictures, tables and the page of a one-way analysis."""
