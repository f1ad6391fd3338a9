"""What agencies ask, as pages, pictures and the terminal show it."""
