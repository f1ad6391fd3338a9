"""Tests by name: a test is one function of the data and its options, and is added by a decorator."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from lmssim.errors import InputError, unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.trials.tests.comparison import Comparison
    from lmssim.trials.tests.data import TrialData

    F = TypeVar("F", bound=Callable[..., Comparison])

TESTS: dict[str, Callable[..., Comparison]] = {}
"""Every test by its name."""


def named(name: str) -> Callable[[F], F]:
    """Decorator that adds a test: a function of a `TrialData`, and of options by keyword, that gives a `Comparison`.

    Raises
    ------
    InputError
        If another test has the name.
    """

    def add(function: F) -> F:
        if name in TESTS:
            raise InputError(f"test '{name}': the name is taken.")
        TESTS[name] = function
        return function

    return add


def options_of(name: str) -> dict[str, Any]:
    """Options of a test, with their defaults; those without a default must be given."""
    if name not in TESTS:
        raise InputError(unknown("test", name, TESTS, "test"))
    parameters = list(inspect.signature(TESTS[name]).parameters.values())[1:]
    return {p.name: p.default for p in parameters}


def run_test(name: str, data: TrialData, **options: Any) -> Comparison:
    """Run a test by its name.

    Parameters
    ----------
    name : str
        See `TESTS`.
    **options
        Of the test.

    Raises
    ------
    InputError
        If there is no such test or option, or an option is missing.
    """
    known = options_of(name)
    for option in options:
        if option not in known:
            raise InputError(unknown("option", option, known, f"test '{name}'"))
    for option, default in known.items():
        if default is inspect.Parameter.empty and option not in options:
            raise InputError(f"test '{name}': option '{option}' is missing.")
    return TESTS[name](data, **options)
