"""Why two results differ: which inputs changed, and how much of the change in each result each of them explains."""
