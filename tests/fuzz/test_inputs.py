"""A sample of the spoilt inputs; `make fuzz` tries many more, in workers whose time and memory are bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fuzz.run import explore
from tests.fuzz.spoil import spoil
from tests.fuzz.subjects import Subject, write_subjects
from tests.fuzz.trial import Verdict, attempt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SEED = 2


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Subject]:
    """Every subject, as it is meant."""
    return write_subjects(tmp_path_factory.mktemp("subjects"))


@pytest.mark.parametrize("batch", range(6))
def test_a_spoilt_input_is_taken_whole_or_refused_by_one_message(
    batch: int, subjects: Sequence[Subject], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback, no exit code 1, nothing that is slow, and nothing written to the user's files."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    verdicts = [attempt(SEED, 1000 * batch + k, subjects, tmp_path / "input") for k in range(40)]
    faults = {verdict.number: (verdict.what, verdict.faults, verdict.message) for verdict in verdicts if verdict.faults}
    assert not faults
    assert not list((tmp_path / "here").iterdir())
    assert {verdict.code for verdict in verdicts} == {0, 2}, "Some inputs are sound in spite of all, and most are not."


def test_an_input_is_known_by_its_number(subjects: Sequence[Subject], tmp_path: Path) -> None:
    """The same number gives the same files, so that a finding can be tried again."""
    held = []
    for name in ("one", "two"):
        attempt(SEED, 5, subjects, tmp_path / name)
        held.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir() if path.is_file()})
    assert held[0] == held[1]


def test_most_ways_to_spoil_change_a_file(subjects: Sequence[Subject]) -> None:
    """The generator does not hand out the same sound file again and again."""
    from random import Random

    path = subjects[0].folder / subjects[0].main
    data = path.read_bytes()
    changed = sum(spoil(data, path.name, Random(k), data) != data for k in range(100))
    assert changed > 80


@pytest.mark.study
def test_workers_find_what_a_process_finds(tmp_path: Path, subjects: Sequence[Subject]) -> None:
    """Every number asked for gets a verdict, the same one whoever takes it."""
    found = {verdict.number: verdict.code for verdict in explore(SEED, range(30), tmp_path / "out", jobs=2)}
    alone: dict[int, Verdict] = {k: attempt(SEED, k, subjects, tmp_path / "input") for k in range(30)}
    assert found == {number: verdict.code for number, verdict in alone.items()}
