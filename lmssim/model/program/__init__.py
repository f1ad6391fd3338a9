"""A compiled scenario: its rows, its numbers, and the memory that kernels read."""

from lmssim.model.program.program import Program

__all__ = ["Program"]
