"""Maps of the best strategy over two inputs: pictures, tables and the page."""
