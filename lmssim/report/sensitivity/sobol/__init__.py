"""Global sensitivity: pictures, tables and the page."""
