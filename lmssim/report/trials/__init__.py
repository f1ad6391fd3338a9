"""Trials as people read them: tables, figures and pages of designs."""
