"""What people look at of a probabilistic analysis: pictures, tables, the page, and a table for the terminal."""
