"""What a dotted key of a design is, with the unit of a time."""

from __future__ import annotations

import pytest

from lmssim.studies.trials.design.keys import TIMES, meaning_of
from lmssim.studies.trials.design.settings import stated


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("accrual.duration", "time from the first entry to the last, weeks"),
        ("accrual.patients", "patients in all"),
        ("dropout.rate", "constant hazard per unit of time, per week"),
        ("analyses.2.calendar", "time since the first entry, weeks"),
        ("arms.experimental.hazard_ratio.event.delay", "time since randomisation before it begins, weeks"),
        ("set.p_salvage", ""),
    ],
)
def test_a_key_says_what_it_is(key: str, said: str) -> None:
    """In the words of the documents."""
    assert meaning_of(key, "weeks").startswith(said)
    assert bool(said) == bool(meaning_of(key, "weeks"))


def test_times_have_the_unit_of_the_file() -> None:
    """And nothing else does."""
    assert all(meaning_of(f"analyses.1.{key}", "days").endswith("days") for key in ("calendar", "follow_up", "latest"))
    assert "days" not in meaning_of("analyses.1.events", "days")
    assert "events" not in TIMES


def test_a_stated_number_is_found_by_its_key() -> None:
    """Lists count from 1; texts, truth values and what is not there are none."""
    settings = {"analyses": [{"events": 40}, {"events": 80}], "accrual": {"entries": "even", "on": True}}
    assert stated(settings, "analyses.2.events") == 80.0
    for key in ("analyses.3.events", "analyses.0.events", "accrual.entries", "accrual.on", "accrual.rate", "a.b.c"):
        assert stated(settings, key) is None
