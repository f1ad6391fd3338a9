"""Group-sequential designs: spending functions, bounds, and the probabilities of crossing them."""
