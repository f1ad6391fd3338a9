"""Value of a simulated trial: tables, figures and sentences."""
