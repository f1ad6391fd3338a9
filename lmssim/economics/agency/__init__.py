"""What agencies ask of an economic evaluation beside its base case."""
