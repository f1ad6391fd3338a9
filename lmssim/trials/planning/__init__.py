"""A trial design as a file: which keys there are, how they are read, and what is planned from them."""
