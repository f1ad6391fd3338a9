"""Reference results of bundled designs: cases of each, power by assumed effects, and a replayed result."""
