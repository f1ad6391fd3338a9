"""The version of lmssim, on its lowest floor: results carry it, and nothing is imported to learn it."""

__version__ = "0.1.0"
