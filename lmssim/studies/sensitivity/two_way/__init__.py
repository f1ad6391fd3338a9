"""Two-way analysis: the best strategy over two inputs, and where noise leaves it open."""
