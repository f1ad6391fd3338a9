"""Reference results of bundled designs of trials, as figures and as a page of text."""
