"""What a later version of the language requires, and what files of an earlier one are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.errors import ScenarioError
from lmssim.model.language.schema import SCHEMA_VERSION
from lmssim.model.scenario import load_scenario
from tests.kit.models import HEAD, alive_dead, event, exponential, frame, plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENDLESS = (
    frame()
    + plan("visits", 1)
    + alive_dead(exponential(0.1)).replace("[states.alive]", "[states.alive]\nevents = ['fall']")
    + event("fall", 0.5, utility_loss=0.1)
)


def aged(text: str) -> str:
    """A file with the head of version 1."""
    return HEAD.replace(f"schema_version = {SCHEMA_VERSION}", "schema_version = 1") + text


def test_a_loss_must_say_how_long_it_lasts(write_scenario: Callable[..., Path]) -> None:
    """An event's loss without `years` is refused by file and key, with what may stand there."""
    with pytest.raises(ScenarioError, match=r"test.toml: events.fall.years: is required .*\"forever\""):
        load_scenario(write_scenario(ENDLESS))


def test_a_tick_must_say_how_long_its_loss_lasts(write_scenario: Callable[..., Path]) -> None:
    """A tick's loss without `years` is refused by its schedule."""
    text = ENDLESS.replace("utility_loss = 0.1", "") + "[[states.alive.schedule]]\nname = 'visit'\nat = 'visits'\n"
    with pytest.raises(ScenarioError, match=r"states.alive.schedule.visit.years: is required"):
        load_scenario(write_scenario(text + "utility_loss = 0.2\n"))


def test_a_file_of_version_1_is_told_how_to_migrate(tmp_path: Path) -> None:
    """The message lists every key, what it meant, and what to write."""
    path = tmp_path / "old.toml"
    path.write_text(aged(ENDLESS + event("ache", 0.5, utility_loss=0.2)))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    for words in ("old.toml", "schema_version = 2", "lasted until death", "events.fall: `years", "events.ache: `years"):
        assert words in str(caught.value)


def test_a_file_of_version_1_without_endless_losses_is_read(tmp_path: Path) -> None:
    """Where every loss says how long it lasts, nothing changes."""
    path = tmp_path / "old.toml"
    path.write_text(aged(ENDLESS + "years = 2\n"))
    assert load_scenario(path).file.events["fall"].years == 2


def test_an_included_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """The included file is named, though the file that includes it states a version of its own."""
    (tmp_path / "part.toml").write_text("schema_version = 99\n")
    path = tmp_path / "whole.toml"
    path.write_text(HEAD + "include = ['part.toml']\n" + frame() + alive_dead(exponential(0.1)))
    with pytest.raises(ScenarioError, match=r"part.toml: schema_version 99 is newer"):
        load_scenario(path)
