"""Value of information, from tables of draws alone: it knows no simulator."""
