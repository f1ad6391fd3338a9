"""The compiler: a scenario becomes a program."""

from lmssim.model.compile.scenario import compile_scenario

__all__ = ["compile_scenario"]
