"""What people read: figures, tables, the state diagram and the HTML report. Nothing here computes an outcome."""
