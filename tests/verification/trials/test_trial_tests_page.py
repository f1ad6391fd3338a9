"""docs/trial_tests.md is run as it is written; its tables of error rates are what a simulation gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.bundled import scenarios_folder
from lmssim.trials.tests import TESTS, options_of
from tests.kit.documents import files_of, printed_of
from tests.kit.error_rates import bayes_table, size_table
from tests.verification.trials import test_estimates, test_tests

if TYPE_CHECKING:
    from pathlib import Path

PAGE = scenarios_folder().parent / "docs" / "trial_tests.md"
ADDED = "share-of-events"
"""The test that the page adds."""


def test_every_block_prints_what_follows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python and commands."""
    monkeypatch.chdir(tmp_path)
    files_of(PAGE, tmp_path)
    try:
        rows = printed_of(PAGE)
    finally:
        TESTS.pop(ADDED, None)
    assert len(rows) == 10
    for code, printed, expected in rows:
        assert printed == expected, code


def test_every_test_is_listed_with_its_options() -> None:
    """In the table of the page."""
    text = PAGE.read_text(encoding="utf-8")
    for name in TESTS:
        if name != ADDED:
            (row,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
            for option in options_of(name):
                assert f"`{option}`" in row


def largest_differences() -> list[str]:
    """Rows of the ten largest relative differences."""
    found = []
    for case in (*test_tests.CASES, *test_estimates.CASES):
        got, expected = np.ravel(case.computed()).astype(float), np.ravel(case.expected).astype(float)
        relative = np.abs(got - expected) / np.abs(expected)
        k = int(np.argmax(relative))
        tolerance = np.broadcast_to(np.asarray(case.tolerance, dtype=float), expected.shape)[k]
        cells = f"{expected[k]:.8g} | {got[k]:.6g} | {abs(got[k] - expected[k]):.1e} | {tolerance:.1e}"
        found.append((relative[k], f"| {case.name} [{case.tag}] | {cells} |"))
    return [row for _, row in sorted(found, reverse=True)[:10]]


def test_the_largest_differences_are_listed() -> None:
    """Those of the numbers that are compared."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = largest_differences()
    assert [row for row in rows if row not in lines] == []


@pytest.mark.study
def test_tables_of_error_rates_are_the_simulated_ones() -> None:
    """Row by row, 10,000 trials each."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for row in (*size_table(), *bayes_table()):
        assert row in lines
