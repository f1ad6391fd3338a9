"""Value of information, from a folder of a probabilistic analysis or from tables of draws."""
