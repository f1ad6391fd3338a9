"""Tables, pictures and the page of a value-of-information analysis."""
